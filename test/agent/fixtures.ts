import { join } from "node:path";
import { createSlotJobs, type SlotJobs } from "../../src/agent/slot-jobs.ts";
import type { JobDelivery } from "../../src/core/contracts/jobs.ts";
import { createStatusBoard } from "../../src/agent/status-board.ts";
import type { HookEvents } from "../../src/core/contracts/hooks.ts";
import { createHost } from "../../src/core/host/host.ts";
import { withoutSecrets } from "../../src/job/base-environment.ts";
import { toJobRequest } from "../../src/job/request/parse.ts";
import type { JobRequest } from "../../src/core/contracts/job-request.ts";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import { definePlugin } from "../../src/core/contracts/plugin.ts";
import { logBackend } from "../../src/core/contracts/services.ts";
import { createRecordingLogger, tmpdir, toEvents } from "../../src/testing/index.ts";
import { settings } from "../job/fixtures.ts";

export const main = join(import.meta.dir, "../../src/main.ts");

/**
 * A slot with real job processes and a log backend that records its input. `again` simulates a restart of the
 * agent.
 */
export async function createSlot(options: { claimTimeoutMs?: number; path?: string } = {}) {
  await using cleanup = new AsyncDisposableStack();
  const directory = options.path === undefined ? cleanup.use(await tmpdir()) : { path: options.path };
  const logger = createRecordingLogger();
  const received: JobEvent[] = [];
  const ended: HookEvents["agent:job-ended"][] = [];
  const status = createStatusBoard({ version: "test", stateDirectory: directory.path });
  const board = status.slot(0);
  const backend = definePlugin({
    name: "keeper",
    setup(ctx) {
      ctx.hook("agent:job-ended", (event) => void ended.push(event));
      ctx.provide(logBackend, "push", {
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
      });
    },
  });
  const host = await createHost({
    plugins: [{ plugin: backend, config: {}, origin: { kind: "built-in" } }],
    roles: ["agent"],
    logger,
  });
  /** Opens the slot like a restarted agent. */
  const again = (more: { program?: readonly string[] } = {}): SlotJobs =>
    createSlotJobs({
      slot: 0,
      board,
      host,
      logger,
      directory: join(directory.path, "jobs"),
      socketDirectories: [join(directory.path, "run")],
      settings,
      plugins: [{ key: "shell", origin: "built-in", config: { "start-timeout": 60, "keep-processes": [] } }],
      log: {
        path: join(directory.path, "agent_log"),
        rotation: { maxBytes: 0, count: 0 },
        level: "info",
        format: "human",
        name: "test",
      },
      env: withoutSecrets({ ...process.env, HOME: directory.path }, []),
      program: [process.execPath, main],
      claimTimeoutMs: options.claimTimeoutMs ?? 60_000,
      flushTimeoutMs: 10_000,
      keptLogs: { maxBytes: 2 ** 30, maxAgeMs: 24 * 3600 * 1000 },
      holdState: () => {},
      ...more,
    });
  cleanup.use(host);
  const owned = cleanup.move();
  return {
    path: directory.path,
    logger,
    received,
    /** The recorded events of `agent:job-ended`. */
    ended,
    status,
    again,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export function request(...commands: string[]): JobRequest {
  return toJobRequest({ commands, logger: { method: "push", url: "", token: "" } }).request;
}

export const delivery: JobDelivery = {
  refreshToken: () => Promise.reject(new Error("none")),
  lost: new AbortController().signal,
};

/** Summarizes a log: `directive → exit code: output` per block, then the result. */
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
