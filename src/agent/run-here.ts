import { untilAborted } from "../core/aborted.ts";
import { toMessage } from "../core/errors.ts";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import type { ExecutorContext } from "../core/contracts/executor.ts";
import type { Host } from "../core/contracts/host.ts";
import { chooseExecutor, prepareLimits } from "../job/choose-executor.ts";
import { type OpenJob, openJob } from "../job/open.ts";
import { freezeRequest } from "../job/request/freeze.ts";
import type { JobSettings } from "../job/settings.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import { openSinks } from "../job/log/open-sinks.ts";
import type { Spool } from "../job/log/spool.ts";
import type { SpoolReader } from "../core/contracts/spool.ts";
import type { Logger } from "../core/contracts/logger.ts";
import type { StopCause } from "../core/contracts/stop-cause.ts";
import { announceAssignment, createJobHooks, withAgentHooks, withSlotHooks } from "./lifecycle.ts";
import { createSlotNotifier } from "./slot-notifier.ts";

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
  /** See `ExecutorContext.showProgress`. */
  readonly showProgress?: ExecutorContext["showProgress"];
  /** Receives the controls of the job before it starts. */
  readonly onStart: (controls: { stop(cause: StopCause): void; kill(cause: StopCause): void }) => void;
  /** Called when the job begins. */
  readonly onStarted?: () => void;
}

/**
 * Runs one job in this process, which is agent and job at once. Rejects when nothing of the job has run. All
 * hooks are called except `agent:registered` and `agent:synced`.
 */
export async function runHere(request: JobRequest, options: RunnerOptions): Promise<JobSummary> {
  const { host, version, settings } = options;
  freezeRequest(request);
  await using opened = new AsyncDisposableStack();
  let killed: AbortSignal | undefined;
  // After a kill no plugin is waited for.
  const call: Host["call"] = async (name, event) => {
    const calling = host.call(name, event);
    await (killed ? untilAborted(killed, calling) : calling);
  };

  // 1. An unknown executor is an error of the caller. The agent's side starts before the job.
  chooseExecutor(request.executor, { host, ...settings });
  prepareLimits(request.executor, { host, ...settings }, { dryRun: false });
  const { user } = settings;
  const assignedAt = Date.now();
  const start = { version, ...(user && { jobUsers: [user] }) };
  const { summary } = await withAgentHooks({ host: { call }, start }, async () => {
    const arrival = { assignedAt, fetchedAt: assignedAt };
    const open = opened.use(await openJob(request, { ...options, arrival }));
    killed = open.job.killed;

    // 2. An agent for one job shuts down after it.
    const notifier = createSlotNotifier({ slot: 0, host: { call } });
    return await withSlotHooks(notifier, async ({ draining }) => {
      await announceAssignment(notifier, { jobId: request.id, assignedAt });
      const hooks = createJobHooks(notifier, request);
      const job = await runOpenJob(request, open, options, hooks);
      await draining("job-finished");
      return { reason: "job-finished", summary: job };
    });
  });
  return summary;
}

async function runOpenJob(
  request: JobRequest,
  { job, log, spool }: OpenJob,
  { host, logger, view, onStart, onStarted }: RunnerOptions,
  hooks: ReturnType<typeof createJobHooks>,
): Promise<JobSummary> {
  onStart(job);
  // 1. The view and the log sinks read the spool, each at its own pace.
  const sinks = openSinks({ host, job: request, logger, slot: 0, openReader: () => spool.reader() });
  const viewed = show(spool, view, (error) => {
    const why = `the log can no longer be shown, the job is stopped: ${toMessage(error)}`;
    logger.warn(why);
    job.stop({ by: "agent", reason: why });
  });

  // 2. The job.
  await hooks.started();
  onStarted?.();
  const summary = await job.run();

  // 3. The log is closed and read to its end before the job is reported.
  spool.close();
  await Promise.all([viewed, sinks.finish()]);
  const { lateBytes } = log.stats;
  if (lateBytes > 0) logger.warn("output came after its command had finished", { bytes: lateBytes });
  const trimmed = summary.log.droppedBytes > 0;
  await hooks.ended({ summary, log: { trimmed, undelivered: 0 }, spool: spool.path });
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
