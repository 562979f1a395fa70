import { dirname, join } from "node:path";
import type { Logger } from "../../core/contracts/logger.ts";
import type { LeftLog } from "../log/job-log.ts";
import { type LeftBlocks, readLeftBlocks } from "../log/left-blocks.ts";
import type { LeftSpool } from "../log/spool.ts";
import { recoverSpool } from "../log/spool-recovery.ts";
import { jobFiles } from "../state/job-files.ts";
import { readJournal } from "./journal-file.ts";
import { createJobJournal, type JobJournal, type JobJournalOptions } from "./job-journal.ts";
import { findGap, type LeftJob, readLeftJob } from "./left-job.ts";
import { AgentError } from "../../core/errors.ts";

/** A job that this process continues. */
export interface ContinuedJob {
  readonly job: LeftJob;
  readonly blocks: LeftBlocks;
  readonly spool: LeftSpool;
  readonly log: LeftLog;
}

/**
 * Reads what earlier processes of a job have left, and repairs their log. The caller holds the job's lock. Throws
 * `STATE_INVALID` with the reason when it cannot be continued.
 */
export function readContinuedJob(spoolPath: string): ContinuedJob {
  const job = readLeftJob(readJournal(toPath(spoolPath)));
  if (typeof job === "string") throw new AgentError("STATE_INVALID", job);
  const recovered = recoverSpool(spoolPath);
  if (recovered.finished) throw new AgentError("STATE_INVALID", "its log has ended");
  const blocks = readLeftBlocks(spoolPath);
  const gap = findGap(job, blocks);
  if (gap !== undefined) throw new AgentError("STATE_INVALID", gap);
  const { events, bytes, checksum, started: isStarted, openCommand } = recovered;
  return {
    job,
    blocks,
    spool: { events, bytes, checksum, atLineStart: openCommand?.atLineStart ?? true },
    log: { isStarted, blocks, continued: { from: job.checkpoint?.text ?? 0, asides: job.asides } },
  };
}

/** Opens the journal beside the job's log. */
export function openJobJournal(
  spoolPath: string,
  options: Omit<JobJournalOptions, "path"> & { readonly logger: Logger },
): JobJournal {
  return createJobJournal({ ...options, path: toPath(spoolPath) });
}

function toPath(spoolPath: string): string {
  return join(dirname(spoolPath), jobFiles.journal);
}
