import { aborted } from "../core/aborted.ts";
import { toMessage } from "../core/errors.ts";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import type { Host } from "../core/contracts/host.ts";
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
  /** Gets what the job's log does not show, so that no other log shows it. */
  readonly onSecrets?: (values: readonly string[]) => void;
  /** Where to keep the log; without it the log goes with the job. */
  readonly spoolPath?: string;
  /** Shows the log while it grows. Its failure stops the job: nobody watches any more. */
  readonly view: (spool: SpoolReader) => Promise<void>;
  /** Gets the two ways to end the job, before it starts. */
  readonly onStart: (controls: { stop(): void; kill(): void }) => void;
}

/** Runs one job in this process, which is agent and job at once: every hook is called but those of a control plane, `agent:registered` and `agent:synced`. */
export async function runHere(request: JobRequest, options: RunnerOptions): Promise<JobSummary> {
  const { host, logger, version } = options;
  // Whoever kills the job waits for no plugin.
  const call: Host["call"] = (name, event) =>
    Promise.race([host.call(name, event), aborted(open.job.killed)]);
  const identity = { slot: 0, jobId: request.id, job: request };

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
  await call("agent:job-started", identity);
  const summary = await job.run();

  // 4. The log is closed, read to its end, and then the job is reported.
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

  // 5. An agent with one job leaves after it.
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
