import { join } from "node:path";
import { createDeliverer } from "../../src/agent/job-delivery.ts";
import { openJobStore } from "../../src/agent/job-store.ts";
import { createSlotJobs, type SlotJobs } from "../../src/agent/slot-jobs.ts";
import { createSlotNotifier } from "../../src/agent/slot-notifier.ts";
import type { JobDelivery } from "../../src/core/contracts/jobs.ts";
import { createStatusBoard } from "../../src/agent/status-board.ts";
import type { HookEvents } from "../../src/core/contracts/hooks.ts";
import { createHost } from "../../src/core/host/host.ts";
import { withoutSecrets } from "../../src/job/base-environment.ts";
import { createJobLauncher, type JobLauncherOptions } from "../../src/job/process/launcher.ts";
import { toJobRequest } from "../../src/job/request/parse.ts";
import type { JobRequest } from "../../src/core/contracts/job-request.ts";
import type { LogBackendFactory } from "../../src/core/contracts/log-backend.ts";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import { definePlugin, type PluginContext } from "../../src/core/contracts/plugin.ts";
import { logBackend } from "../../src/core/contracts/services.ts";
import { createRecordingLogger, tmpdir, toEvents } from "../../src/testing/index.ts";
import { settings } from "../job/fixtures.ts";

export const main = join(import.meta.dir, "../../src/main.ts");

export interface SlotOptions {
  readonly claimTimeoutMs?: number;
  readonly path?: string;
  readonly logMethods?: Readonly<Record<string, string>>;
  /** Set-up of a further plugin in the agent's process. */
  readonly setup?: (ctx: PluginContext) => void;
  readonly cleanUp?: JobLauncherOptions["cleanUp"];
  readonly handOver?: AbortSignal;
}

/**
 * A slot with real job processes, and a log backend that records what it receives. `again` returns it as a
 * new agent process sees it.
 */
export async function createSlot(options: SlotOptions = {}) {
  await using cleanup = new AsyncDisposableStack();
  const directory = options.path === undefined ? cleanup.use(await tmpdir()) : { path: options.path };
  const logger = createRecordingLogger();
  const received: JobEvent[] = [];
  const ended: HookEvents["agent:job-ended"][] = [];
  const announced: string[] = [];
  const status = createStatusBoard({ version: "test", stateDirectory: directory.path });
  const backend = definePlugin({
    name: "keeper",
    setup(ctx) {
      options.setup?.(ctx);
      ctx.hook("agent:job-ended", (event) => void ended.push(event));
      for (const what of ["assigned", "started", "resumed"] as const)
        ctx.hook(`agent:job-${what}`, ({ jobId }) => void announced.push(`${what} ${jobId}`));
      ctx.provide(logBackend, "push", createRecorder(received));
    },
  });
  const host = await createHost({
    plugins: [{ plugin: backend, config: {}, origin: { kind: "built-in" } }],
    roles: ["agent"],
    logger,
  });
  const board = status.slot(0);
  /** The slot as a new agent process sees it. */
  const again = ({ program = [process.execPath, main] }: { program?: readonly string[] } = {}): SlotJobs =>
    createSlotJobs({
      notifier: createSlotNotifier({ slot: 0, host, listeners: [board] }),
      logger,
      store: openJobStore({
        directory: join(directory.path, "jobs"),
        keptLogs: { maxBytes: 2 ** 30, maxAgeMs: 24 * 3600 * 1000 },
        holdState: () => {},
        logger,
      }),
      place: { slot: 0, socketDirectories: [join(directory.path, "run")] },
      deliverer: createDeliverer({ host, logMethods: options.logMethods ?? {}, flushTimeoutMs: 10_000 }),
      launcher: createJobLauncher({
        settings,
        baseDirectory: import.meta.dir,
        plugins: [
          { key: "shell", origin: "built-in", config: { "start-timeout": 60, "keep-processes": [] } },
        ],
        log: {
          path: join(directory.path, "agent_log"),
          rotation: { maxBytes: 0, count: 0 },
          level: "info",
          format: "human",
          name: "test",
        },
        environment: withoutSecrets({ ...process.env, HOME: directory.path }, []),
        program,
        claimTimeoutMs: options.claimTimeoutMs ?? 60_000,
        cleanUp: options.cleanUp ?? (() => Promise.resolve()),
        onMetrics: () => {},
        handOver: options.handOver ?? new AbortController().signal,
      }),
    });
  cleanup.use(host);
  const owned = cleanup.move();
  return {
    path: directory.path,
    logger,
    received,
    /** The events of ended jobs that plugins received. */
    ended,
    /** What plugins were told of the beginning of jobs: `assigned`, `started` or `resumed`, and the id. */
    announced,
    status,
    again,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A log backend that keeps what it receives. */
function createRecorder(received: JobEvent[]): LogBackendFactory {
  return {
    open: ({ spool, saveCursor }) => ({
      async run(signal) {
        for (let batch = await spool.next({ signal }); batch; batch = await spool.next({ signal })) {
          received.length = batch.start.event;
          received.push(...toEvents(batch.lines));
          saveCursor(batch.end);
        }
        return { trimmed: false, undelivered: 0 };
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  };
}

export function request(...commands: string[]): JobRequest {
  return toJobRequest({ commands, logger: { method: "push", url: "", token: "" } }).request;
}

export const delivery: JobDelivery = {
  refreshToken: () => Promise.reject(new Error("none")),
  lost: new AbortController().signal,
};

/** A log in short: `directive → exit code: output` for each block, then the result. */
export function toStory(events: readonly JobEvent[]): string[] {
  const story: string[] = [];
  let output = "";
  for (const event of events) {
    if (event.event === "cmd_started") output = "";
    else if (event.event === "cmd_output") output += event.output;
    else if (event.event === "cmd_finished") story.push(`${event.directive} → ${event.exit_code}: ${output}`);
    else if (event.event === "job_finished") story.push(event.result);
  }
  return story;
}
