import { join } from "node:path";
import { toMessage } from "../../core/errors.ts";
import type { JobCause } from "../../core/contracts/job-cause.ts";
import type { JobArrival, JobSummary } from "../../core/contracts/job-summary.ts";
import type { JobEvent, JobResult } from "../../core/contracts/job-events.ts";
import { unixSeconds } from "../log/events.ts";
import { openSpoolFile } from "../log/spool-file.ts";
import { type RecoveredSpool, recoverSpool } from "../log/spool-recovery.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { createCause } from "../cause.ts";
import { writeDocument } from "../../os/state/document.ts";
import { findEntry, removeEntry } from "../../os/state/file.ts";
import { jobFiles } from "../state/job-files.ts";

/** The end of a job, also when it could not be written to disk. */
export interface ClosedJob {
  readonly summary: JobSummary;
  /** Lines of its log that could not be written. */
  readonly rest: Uint8Array;
}

/** A job that has no result of its own. */
export interface UnfinishedJob extends Omit<JobCause, "message"> {
  /** Written to the log, unless the log is complete. The message of the job's cause. */
  readonly reason: string;
  readonly arrival: JobArrival;
  /** When its process died, in Unix milliseconds. Left out: when its log was last written. */
  readonly diedAt?: number | undefined;
}

export interface CloseJobOptions extends UnfinishedJob {
  /** The job's state directory. It may be missing. */
  readonly directory: string;
  readonly jobId: string;
  /** The result, if one is known. */
  readonly known?: JobSummary;
  /** Whether the result in a complete log counts. Default: true. Otherwise the job has failed. */
  readonly isLogTrusted?: boolean;
  /** Receives errors of writing. */
  readonly logger?: Logger;
}

/**
 * Closes the log of a job without a process: ends its open block with a line that gives the reason, and
 * writes the result. Lines that cannot be written are returned. The caller holds the job's lock, or has
 * created its directory.
 */
export function closeJob(options: CloseJobOptions): ClosedJob {
  const { directory, jobId, reason, logger } = options;
  const path = join(directory, jobFiles.spool);
  const faults: unknown[] = [];
  const onFault = (error: unknown) => void faults.push(error);

  const recovered = recover(path, onFault);
  const inLog = options.isLogTrusted === false ? undefined : recovered?.finished;
  const known = options.known ?? summarizeUnfinished(options, { ...recovered, result: inLog });
  const text = `${reason}; the job is reported as ${known.result}`;
  const lines = toClosingEvents(recovered, text, known.result).map((event) =>
    Buffer.from(`${JSON.stringify(event)}\n`),
  );
  const { written, ...extent } = append(path, recovered, lines, onFault);
  const events = (recovered?.events ?? 0) + lines.length;
  const summary: JobSummary = { ...known, log: { ...known.log, ...extent, events } };
  try {
    writeDocument(join(directory, jobFiles.result), summary);
  } catch (error) {
    onFault(error);
  }
  // A directory that could not be created was reported by its creator; one error of several is enough.
  if (faults.length > 0 && findEntry(directory))
    logger?.error(`the job's end cannot be kept on disk: ${toMessage(faults[0])}`, { job: jobId });
  return { summary, rest: Buffer.concat(lines.slice(written)) };
}

/** Summarizes a job that has no result of its own. Without a result in its log it has failed. */
export function summarizeUnfinished(
  { reason, arrival, diedAt, kind, exitCode, signal }: UnfinishedJob,
  log: Pick<RecoveredSpool, "startedAt" | "changedAt"> & { readonly result?: JobResult | undefined } = {},
): JobSummary {
  const { result = "failed" } = log;
  // A job can write any time to its log.
  const now = Date.now();
  const { assignedAt, fetchedAt = assignedAt } = arrival;
  const between = (time: number, from: number, to: number) => Math.max(Math.min(time, to), from);
  const finishedAt = between(diedAt ?? log.changedAt ?? now, fetchedAt ?? 0, now);
  const startedAt = between(log.startedAt ?? fetchedAt ?? finishedAt, fetchedAt ?? 0, finishedAt);
  const details = { ...(exitCode !== undefined && { exitCode }), ...(signal !== undefined && { signal }) };
  return {
    result,
    ...(result !== "passed" && { cause: createCause(kind, reason, details) }),
    times: { ...arrival, startedAt, finishedAt },
    durationMs: finishedAt - startedAt,
    log: { events: 0, bytes: 0, droppedBytes: 0 },
  };
}

function recover(path: string, onFault: (error: unknown) => void): RecoveredSpool | undefined {
  const entry = findEntry(path);
  if (entry === undefined) return undefined;
  try {
    return recoverSpool(path);
  } catch (error) {
    onFault(error);
    // An entry that is not a regular file is no log: the closing events are written to a new one.
    if (!entry.isFile()) removeQuietly(path);
    return undefined;
  }
}

function removeQuietly(path: string): void {
  try {
    removeEntry(path);
  } catch {
    // The new log cannot be created then, which is reported.
  }
}

/** Appends as many lines as the disk accepts. */
function append(
  path: string,
  recovered: RecoveredSpool | undefined,
  lines: readonly Uint8Array[],
  onFault: (error: unknown) => void,
): { written: number; bytes: number; checksum: number } {
  let written = 0;
  let { bytes, checksum } = recovered ?? { bytes: 0, checksum: 0 };
  try {
    const file = openSpoolFile(path, {
      fsyncIntervalMs: 0,
      onSyncFailed: onFault,
      ...(recovered && { resumeAt: recovered }),
    });
    try {
      for (const line of lines) {
        file.append(line);
        written += 1;
      }
      file.sync();
    } finally {
      ({ bytes, checksum } = file);
      file.close();
    }
  } catch (error) {
    onFault(error);
  }
  return { written, bytes, checksum };
}

/** The events that complete a log. */
function toClosingEvents(log: RecoveredSpool | undefined, reason: string, result: JobResult): JobEvent[] {
  if (log?.finished) return [];
  const timestamp = unixSeconds();
  const open = log?.openCommand;
  const directive = open?.directive ?? "Ending the job";
  const output = `${open && !open.atLineStart ? "\n" : ""}[signalman: ${reason}]\n`;
  return [
    ...(log?.started ? [] : [{ event: "job_started", timestamp } as const]),
    ...(open ? [] : [{ event: "cmd_started", timestamp, directive } as const]),
    { event: "cmd_output", timestamp, output },
    {
      event: "cmd_finished",
      timestamp,
      directive,
      exit_code: result === "passed" ? 0 : 1,
      started_at: open?.startedAt ?? timestamp,
      finished_at: timestamp,
    },
    { event: "job_finished", timestamp, result },
  ];
}
