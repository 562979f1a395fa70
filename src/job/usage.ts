import { toMessage } from "../errors.ts";
import { toDuration, withDeadline } from "../host/deadline.ts";
import type { Output } from "../log/output.ts";
import type { Logger } from "../logger/logger.ts";
import type { Executor } from "./executor.ts";
import type { JobLog } from "./log.ts";
import { toReport } from "./usage-report.ts";

/**
 * What a job used, as far as its executor can tell; a figure that nobody knows is left out. The shell executor counts all processes that the
 * job's process started, directly or not, until they were gone.
 */
export interface JobUsage {
  readonly cpuUserMs?: number;
  readonly cpuSystemMs?: number;
  /**
   * The most memory that the job held at once. In the shell executor: resident memory of all its processes together, as seen once a second,
   * and of the largest one alone between two looks. What processes share is counted in each.
   */
  readonly peakMemoryBytes?: number;
  /** From storage, and to storage: what the page cache served is not in it. */
  readonly readBytes?: number;
  readonly writtenBytes?: number;
  /**
   * Processes that the kernel killed for want of memory. In the shell executor those that were the job's for sure: of which a command or the shell
   * was seen to die, and all of its memory cgroup while nothing else is in there but the agent.
   */
  readonly oomKills?: number;
}

const names = [
  "cpuUserMs",
  "cpuSystemMs",
  "peakMemoryBytes",
  "readBytes",
  "writtenBytes",
  "oomKills",
] as const satisfies readonly (keyof JobUsage)[];

/** An executor's figures: those that are figures. `undefined` when there are none. A fault is the agent's log's, and nobody waits for long. */
export async function readUsage(
  executor: Executor | undefined,
  logger: Logger,
): Promise<JobUsage | undefined> {
  if (!executor?.usage) return undefined;
  try {
    const late = () => new Error(`it did not answer within ${toDuration(deadlineMs)}`);
    const told = await withDeadline(executor.usage(), deadlineMs, late);
    const known = names.filter((name) => Number.isFinite(told[name]) && (told[name] ?? -1) >= 0);
    if (known.length === 0) return undefined;
    return Object.fromEntries(known.map((name) => [name, Math.round(told[name] ?? 0)]));
  } catch (error) {
    logger.warn(`what the job used is not known: ${toMessage(error)}`);
    return undefined;
  }
}

/** A block of the job's log about what the job used up to here, for `job-report`. */
export async function writeReport(options: {
  log: JobLog;
  logger: Logger;
  executor: Executor | undefined;
  startedAt: number;
}): Promise<void> {
  const { log, logger, executor, startedAt } = options;
  const usage = await readUsage(executor, logger);
  const lines = toReport({ durationMs: performance.now() - startedAt, usage });
  const write = (output: Output) => {
    output(`${lines.join("\n")}\n`);
    return 0;
  };
  await log.command("Job report", write).catch((error: unknown) => logger.warn(toMessage(error)));
}

const deadlineMs = 2000;
