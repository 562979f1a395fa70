import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentError } from "../../core/errors.ts";
import type { JobSummary } from "../../core/contracts/job-summary.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { endProcesses } from "../../os/processes/end.ts";
import { createJobProcesses } from "../../os/processes/tree.ts";
import { readBootId } from "../../os/state/boot-id.ts";
import { readDocument } from "../../os/state/document.ts";
import { takeLock } from "../../os/state/lock.ts";
import { type ClosedJob, closeJob, type CloseJobOptions, failed } from "./close-job.ts";
import { jobFiles, type JobProcessRecord, type LastWords } from "./messages.ts";

/** How long the kernel may take to let a dead process go. */
const deathMs = 10_000;

export interface BuryJobOptions {
  readonly directory: string;
  readonly jobId: string;
  readonly logger: Logger;
  /** What its process said at its end, because the disk did not take it. */
  readonly lastWords?: LastWords | undefined;
}

/**
 * Closes the books of a job whose process is gone and left no result on disk: what it left running is ended, its log is closed with a line that says so, and
 * it has failed, unless its process could tell us otherwise. Only whoever holds the job's lock may do that: the lock proves that its writer is dead.
 */
export async function buryJob(options: BuryJobOptions): Promise<ClosedJob> {
  const { directory, jobId, logger, lastWords } = options;
  // Without its directory a job has no lock to be held.
  const isThere = existsSync(directory);
  using lock = isThere ? await waitForLock(join(directory, jobFiles.lock)) : noLock;
  if (!lock)
    throw new AgentError("STATE_LOCKED", `the process of job "${jobId}" is alive, and does not answer`);
  // It may have ended well in the meantime.
  const summary = readDocument<JobSummary>(join(directory, jobFiles.result));
  if (summary) return { summary, rest: nothing };
  if (lastWords) return close({ directory, jobId, reason: lastWords.reason, known: lastWords.summary });

  const record = readDocument<JobProcessRecord>(join(directory, jobFiles.process));
  const isRestart = record !== undefined && record.bootId !== readBootId();
  const reason = isRestart
    ? "the machine was restarted while the job ran"
    : existsSync(join(directory, jobFiles.spool))
      ? "the job's process died"
      : isThere
        ? "the job's process could not be started"
        : `the job's directory "${directory}" was removed while it ran`;
  logger.error(`${reason}; the job is reported as failed`, { job: jobId });
  if (record && !isRestart) await endRest(record, logger);

  return close({ directory, jobId, logger, reason });
}

/** The readers of a job whose directory is gone know more of its log than can be found here. */
function close(options: CloseJobOptions): ClosedJob {
  if (existsSync(options.directory)) return closeJob(options);
  const { checksum: _unknown, ...log } = (options.known ?? failed).log;
  return { summary: { ...(options.known ?? failed), log }, rest: nothing };
}

const nothing = new Uint8Array();
const noLock: Disposable = { [Symbol.dispose]: () => {} };

async function waitForLock(path: string): Promise<Disposable | undefined> {
  for (const deadline = performance.now() + deathMs; ; await sleep(20)) {
    const lock = takeLock(path, { onReadOnly: true });
    if (lock || performance.now() > deadline) return lock;
  }
}

async function endRest({ cookie }: JobProcessRecord, logger: Logger): Promise<void> {
  using processes = createJobProcesses({ cookie, inherited: true });
  const { ended, left } = await endProcesses(processes, { graceMs: 0 });
  for (const { pid, commandLine, comm } of ended)
    logger.info(`ended "${commandLine || comm}", which the job had left running`, { pid });
  for (const { pid, commandLine, comm } of left)
    logger.warn(`could not end "${commandLine || comm}"`, { pid });
}
