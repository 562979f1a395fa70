import { createHost } from "../../src/core/host/host.ts";
import { openJob, type OpenJobOptions } from "../../src/job/open.ts";
import type { JobSettings } from "../../src/job/settings.ts";
import type { JobCommand, JobRequest } from "../../src/core/contracts/job-request.ts";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import { definePlugin, type Plugin, type PluginContext } from "../../src/core/contracts/plugin.ts";
import type { Host } from "../../src/core/contracts/host.ts";
import { executor, logFilter } from "../../src/core/contracts/services.ts";
import type { ExecutorFactory } from "../../src/core/contracts/executor.ts";
import type { LogFilterFactory } from "../../src/core/contracts/log-filter.ts";
import type { StopCause } from "../../src/core/contracts/stop-cause.ts";
import type { Job } from "../../src/job/job.ts";
import { createRecordingLogger, dummyExecutor, jobRequest, toEvents } from "../../src/testing/index.ts";

export const settings: JobSettings = {
  agentId: "test-agent",
  slot: 0,
  stopGraceMs: 1000,
  terminalSize: { rows: 0, columns: 0 },
  logDiskLimitBytes: 1024 * 1024,
  jobReport: false,
  executors: {},
  limits: {},
  env: [],
  secrets: [],
  secretVariables: [],
};

/** The blocks of every job, in the format of `toBlocks`. */
export const exported = "Exporting environment variables → 0: ";
export const injected = "Injecting Files → 0: ";
export const resultExported = `${exported}Exporting SEMAPHORE_JOB_RESULT\n`;

export const byControlPlane: StopCause = { by: "control-plane", reason: "a test has stopped the job" };

/** Masks `s3cret`. */
export const secretMask: LogFilterFactory = {
  open: () => ({
    push: (bytes) => bytes,
    flush: () => new Uint8Array(),
    text: (text) => text.replaceAll("s3cret", "[MASKED]"),
    counts: () => ({ maskedBytes: 0, masks: 0 }),
  }),
};

export interface JobRun {
  /** Stops or kills the job once its log holds this text. */
  readonly stopAt?: string;
  /** Default: the control plane. */
  readonly cause?: StopCause;
  /** Receives the job before it runs. */
  readonly onJob?: (job: Job) => void;
  readonly executor?: ExecutorFactory;
  readonly settings?: Partial<JobSettings>;
  readonly executorLimits?: OpenJobOptions["executorLimits"];
  readonly policyMs?: number;
  readonly onSecrets?: OpenJobOptions["onSecrets"];
  readonly showProgress?: OpenJobOptions["showProgress"];
  /** Provides the log filters of the job. */
  readonly filters?: Pick<Host, "all">;
  readonly setup?: (ctx: PluginContext) => void;
  /** Further plugins, after that of `setup`. */
  readonly others?: readonly Plugin[];
}

/** Runs a job in a host with the dummy executor and returns its results. */
export async function runJob(request: Partial<JobRequest>, options: JobRun = {}) {
  const logger = createRecordingLogger();
  const provider = definePlugin({
    name: "provider",
    setup: (ctx) => ctx.provide(executor, "shell", options.executor ?? dummyExecutor),
  });
  const filters = [...(options.filters?.all(logFilter) ?? [])];
  const listener = definePlugin({
    name: "listener",
    setup(ctx) {
      for (const [name, filter] of filters) ctx.provide(logFilter, name, filter);
      return options.setup?.(ctx);
    },
  });
  const origin = { kind: "built-in" } as const;
  await using host = await createHost({
    plugins: [provider, listener, ...(options.others ?? [])].map((plugin) => ({
      plugin: plugin as Plugin,
      config: {},
      origin,
    })),
    roles: ["agent", "job"],
    logger,
  });
  await using open = await openJob(jobRequest(request), {
    host,
    logger,
    env: process.env,
    settings: { ...settings, ...options.settings },
    arrival: {},
    ...(options.policyMs !== undefined && { policyMs: options.policyMs }),
    ...(options.onSecrets && { onSecrets: options.onSecrets }),
    ...(options.showProgress && { showProgress: options.showProgress }),
    ...(options.executorLimits && { executorLimits: options.executorLimits }),
  });
  const { job, spool } = open;
  const watching =
    options.stopAt === undefined
      ? undefined
      : stopAt(spool.reader(), options.stopAt, () => job.stop(options.cause ?? byControlPlane));
  options.onJob?.(job);
  const summary = await job.run();
  spool.close();
  await watching;
  const events: JobEvent[] = [];
  using reader = spool.reader();
  for (let batch = await reader.next(); batch; batch = await reader.next())
    events.push(...toEvents(batch.lines));
  return {
    summary,
    events,
    logs: logger.entries,
    /** One line per block: `directive → exit code: output`. */
    blocks: toBlocks(events),
  };
}

export function commands(...directives: string[]): JobCommand[] {
  return directives.map((directive) => ({ directive, alias: "" }));
}

/** Checks the rules of the job page (protocol sections 5.3 and 13) and groups the events into blocks. */
function toBlocks(events: readonly JobEvent[]): string[] {
  const blocks: string[] = [];
  let open: { directive: string; output: string } | undefined;
  if (events[0]?.event !== "job_started" || events.at(-1)?.event !== "job_finished") {
    throw new Error("the log has no proper beginning or end");
  }
  for (const event of events.slice(1, -1)) {
    if (event.event === "cmd_started" && !open) open = { directive: event.directive, output: "" };
    else if (event.event === "cmd_output" && open) open.output += event.output;
    else if (event.event === "cmd_finished" && open?.directive === event.directive) {
      blocks.push(`${open.directive} → ${event.exit_code}: ${open.output}`);
      open = undefined;
    } else throw new Error(`out of order: ${JSON.stringify(event)}`);
  }
  if (open) throw new Error(`never finished: ${open.directive}`);
  return blocks;
}

async function stopAt(
  reader: { next(): Promise<{ lines: Uint8Array } | undefined> },
  text: string,
  stop: () => void,
): Promise<void> {
  for (let batch = await reader.next(); batch; batch = await reader.next()) {
    if (Buffer.from(batch.lines).toString().includes(text)) stop();
  }
}
