import type { JobSpan } from "../../core/contracts/job-phases.ts";
import type { JobUsage } from "../../core/contracts/job-summary.ts";
import { toMessage } from "../../core/errors.ts";
import { toDuration, withDeadline } from "../../core/host/deadline.ts";
import type { Output, JobLog } from "../../core/contracts/job-log.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import type { Executor } from "../../core/contracts/executor.ts";
import { toReport } from "./report.ts";

const names = [
  "cpuUserMs",
  "cpuSystemMs",
  "peakMemoryBytes",
  "readBytes",
  "writtenBytes",
  "oomKills",
] as const satisfies readonly (keyof JobUsage)[];

/**
 * Reads the resource usage that an executor reports, without invalid figures. Resolves to `undefined` without
 * valid figures; errors are only logged.
 */
export async function readUsage(
  executor: Executor | undefined,
  logger: Logger,
): Promise<JobUsage | undefined> {
  if (!executor?.usage) return undefined;
  try {
    const late = () => new Error(`the executor did not answer within ${toDuration(deadlineMs)}`);
    const figures = await withDeadline(executor.usage(), deadlineMs, late);
    const known = names.filter((name) => Number.isFinite(figures[name]) && (figures[name] ?? -1) >= 0);
    if (known.length === 0) return undefined;
    return Object.fromEntries(known.map((name) => [name, Math.round(figures[name] ?? 0)]));
  } catch (error) {
    logger.warn(`resource usage of the job is unknown: ${toMessage(error)}`);
    return undefined;
  }
}

/** Adds a block to the job's log with the resources used so far (`job-report`). */
export async function writeReport(options: {
  log: JobLog;
  logger: Logger;
  executor: Executor | undefined;
  /** Returns how long the job has run. */
  elapsed: () => JobSpan;
}): Promise<void> {
  const { log, logger, executor, elapsed } = options;
  const usage = await readUsage(executor, logger);
  const { durationMs } = elapsed();
  const lines = toReport({ durationMs, usage });
  const write = (output: Output) => {
    output(`${lines.join("\n")}\n`);
    return 0;
  };
  await log.command("Job report", write).catch((error: unknown) => logger.warn(toMessage(error)));
}

const deadlineMs = 2000;
