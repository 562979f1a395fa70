import type { JobArrival, JobSummary } from "../core/contracts/job-summary.ts";
import type { JobSpan } from "../core/contracts/job-phases.ts";
import { isAgentError } from "../core/errors.ts";
import { findStopCause } from "../core/stop-cause.ts";
import { createCause, toStopCause } from "./cause.ts";
import { inPhase, type JobRun, type JobVerdict, toSessionEvent } from "./job-run.ts";
import { readUsage, writeReport } from "./usage/read-usage.ts";

export interface FinishOptions {
  /** Returns how long the job has run. */
  readonly elapsed: () => JobSpan;
  readonly arrival: JobArrival;
  readonly isReported: boolean;
  readonly findTampering?: (() => string | undefined) | undefined;
}

/** Fires `job:finish`, completes the log and disposes the executor. */
export async function finishJob(
  run: JobRun,
  decided: JobVerdict,
  options: FinishOptions,
): Promise<JobSummary> {
  const { log, logger, session } = run;
  let verdict = decided;
  await inPhase(run, "finish", async () => {
    verdict = await finishLog(run, decided, options);
    return undefined;
  });
  await inPhase(run, "dispose", async () => {
    await session.close();
    return undefined;
  });
  const usage = await readUsage(session.executor, logger);
  const { events, bytes, droppedBytes } = log.stats;
  const { startedAt, durationMs } = options.elapsed();
  return {
    ...verdict,
    times: { ...options.arrival, startedAt, finishedAt: Math.round(startedAt + durationMs) },
    durationMs,
    log: { events, bytes, droppedBytes },
    ...(usage && { usage }),
  };
}

async function finishLog(run: JobRun, decided: JobVerdict, options: FinishOptions): Promise<JobVerdict> {
  const { log, logger, session, signal, stops } = run;
  await stops.whenEnding();
  await run.notify("job:finish", (plugin) => ({
    ...toSessionEvent(run, plugin),
    result: signal.aborted ? "stopped" : decided.result,
    session: session.isOpen && !signal.aborted ? "open" : "closed",
  }));
  // A stop may have come while the listeners ran.
  await stops.whenEnding();
  stops.decided();
  const reported: JobVerdict = signal.aborted ? { result: "stopped", cause: toStopCause(signal) } : decided;
  const tampering = options.findTampering?.();
  const isChanged = tampering !== undefined && reported.result === "passed";
  const verdict: JobVerdict = isChanged
    ? { result: "failed", cause: createCause("tampered", tampering) }
    : { result: reported.result, ...(reported.cause && { cause: reported.cause }) };
  if (tampering !== undefined) {
    const reason = `${tampering}; the job is reported as ${verdict.result}`;
    logger.error(reason, { job: run.request.id });
    await session.addBlock("Ending the job", `[signalman: ${reason}]\n`, 1);
  }
  for (const fault of run.faults) await explainEnd(run, fault);
  // Those who stop a job from outside know that they did.
  const cause = findStopCause(signal);
  if (cause?.by === "agent" || cause?.by === "plugin") await explainEnd(run, cause.reason);
  const { executor } = session;
  if (options.isReported) await writeReport({ log, logger, executor, elapsed: options.elapsed });
  log.finished(verdict.result);
  return verdict;
}

/** Adds a block to the log, unless the block of a listener that was given up is still open. */
async function explainEnd({ session }: JobRun, text: string): Promise<void> {
  try {
    await session.addBlock("Ending the job", `[signalman: ${text}]\n`, 1);
  } catch (error) {
    if (!isAgentError(error, "LOG_BUSY")) throw error;
  }
}
