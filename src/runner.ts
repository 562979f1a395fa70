import { toMessage } from "./errors.ts";
import type { JobSummary } from "./hooks.ts";
import type { Host } from "./host/host.ts";
import { openJob, type JobSettings } from "./job/open.ts";
import type { JobRequest } from "./job/request.ts";
import { openSinks } from "./log/open-sinks.ts";
import type { Spool, SpoolReader } from "./log/spool.ts";
import type { Logger } from "./logger/logger.ts";

export interface RunnerOptions {
  readonly version: string;
  readonly host: Host;
  readonly settings: JobSettings;
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where to keep the log; without it the log goes with the job. */
  readonly spoolPath?: string;
  /** Shows the log while it grows. Its failure stops the job: nobody watches any more. */
  readonly view: (spool: SpoolReader) => Promise<void>;
  /** Gets the two ways to end the job, before it starts. */
  readonly onStart: (controls: { stop(): void; kill(): void }) => void;
}

/** Runs one job in this process, which is agent and job at once: every hook is called but `agent:registered`. */
export async function runHere(request: JobRequest, options: RunnerOptions): Promise<JobSummary> {
  const { host, logger, version } = options;
  const identity = { slot: 0, jobId: request.id, executor: request.executor };

  // 1. The agent's side is up before the job is.
  await host.call("agent:start", { version });
  await using open = await openJob(request, options);
  const { job, log, spool } = open;
  options.onStart(job);

  // 2. Whoever reads the log reads it from the spool, at a pace of its own.
  const sinks = openSinks({ host, job: request, logger, reader: () => spool.reader() });
  const viewed = show(spool, options.view, (error) => {
    logger.warn(`the log can no longer be shown, so the job is stopped: ${toMessage(error)}`);
    job.stop();
  });

  // 3. The job.
  await host.call("agent:job-started", identity);
  const summary = await job.run();

  // 4. The log is closed, read to its end, and then the job is reported.
  spool.close();
  await Promise.all([viewed, sinks.finish()]);
  const { lateBytes } = log.stats;
  if (lateBytes > 0) logger.warn("output came after its command had finished", { bytes: lateBytes });
  const trimmed = summary.log.droppedBytes > 0;
  await host.call("agent:log-flushed", { slot: 0, job: request, trimmed, spool: spool.path });
  await host.call("agent:job-ended", { ...identity, ...summary });

  // 5. An agent with one job leaves after it.
  await host.call("agent:draining", { reason: "job-finished" });
  await host.call("agent:exit", { reason: "job-finished" });
  await host.call("agent:stop", { reason: "job-finished" });
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
