import { untilAborted } from "../os/aborted.ts";
import { toMessage } from "../core/errors.ts";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import type { Host } from "../core/contracts/host.ts";
import { chooseExecutor, prepareLimits } from "./choose-executor.ts";
import { openJob } from "./open.ts";
import type { JobSettings } from "./settings.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import { openSinks } from "./log/open-sinks.ts";
import type { Spool } from "./log/spool.ts";
import type { SpoolReader } from "../core/contracts/spool.ts";
import type { Logger } from "../core/contracts/logger.ts";

export interface RunnerOptions {
  readonly version: string;
  readonly host: Host;
  readonly settings: JobSettings;
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Receives values of the job that the agent's log must mask. */
  readonly onSecrets?: (values: readonly string[]) => void;
  /** Path of the log that is kept; without it the log is removed with the job. */
  readonly spoolPath?: string;
  /** Shows the log while it grows. The job is stopped when it fails. */
  readonly view: (spool: SpoolReader) => Promise<void>;
  /** Receives the controls of the job before it starts. */
  readonly onStart: (controls: { stop(): void; kill(): void }) => void;
  /** Called when the job begins. */
  readonly onStarted?: () => void;
}

/** Runs one job in this process, which is agent and job at once. Rejects when nothing of the job has run. All hooks are called except `agent:registered` and `agent:synced`. */
export async function runHere(request: JobRequest, options: RunnerOptions): Promise<JobSummary> {
  const { host, logger, version } = options;
  // After a kill no plugin is waited for.
  const call: Host["call"] = (name, event) => untilAborted(open.job.killed, host.call(name, event));
  const identity = { slot: 0, jobId: request.id, job: request };

  // 1. An unknown executor is an error of the caller. The agent's side starts before the job.
  chooseExecutor(request.executor, { host, ...options.settings });
  prepareLimits(request.executor, { host, ...options.settings }, { dryRun: false });
  const { user } = options.settings;
  await host.call("agent:start", { version, ...(user && { jobUsers: [user] }) });
  await using open = await openJob(request, options);
  const { job, log, spool } = open;
  options.onStart(job);

  // 2. The view and the log sinks read the spool, each at its own pace.
  const sinks = openSinks({ host, job: request, logger, reader: () => spool.reader() });
  const viewed = show(spool, options.view, (error) => {
    logger.warn(`the log can no longer be shown, the job is stopped: ${toMessage(error)}`);
    job.stop();
  });

  // 3. The job.
  await call("agent:job-started", identity);
  options.onStarted?.();
  const summary = await job.run();

  // 4. The log is closed and read to its end before the job is reported.
  spool.close();
  await Promise.all([viewed, sinks.finish()]);
  const { lateBytes } = log.stats;
  if (lateBytes > 0) logger.warn("output came after its command had finished", { bytes: lateBytes });
  const trimmed = summary.log.droppedBytes > 0;
  await call("agent:log-flushed", { slot: 0, job: request, trimmed, spool: spool.path });
  await call("agent:job-ended", {
    ...identity,
    delivery: { trimmed, undelivered: 0 },
    ...summary,
  });

  // 5. An agent for one job shuts down after it.
  const left = { slot: 0, reason: "job-finished" } as const;
  await call("agent:draining", left);
  await call("agent:left", left);
  await call("agent:exit", { reason: "job-finished" });
  await call("agent:stop", { reason: "job-finished" });
  return summary;
}

async function show(
  spool: Spool,
  view: RunnerOptions["view"],
  onFailed: (error: unknown) => void,
): Promise<void> {
  using reader = spool.reader();
  await view(reader).catch(onFailed);
}
