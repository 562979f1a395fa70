import { existsSync } from "node:fs";
import { join } from "node:path";
import { toMessage } from "../../core/errors.ts";
import type { JobSummary } from "../../core/contracts/job-summary.ts";
import type { JobEvent, JobResult } from "../../core/contracts/job-events.ts";
import { unixSeconds } from "../log/unix-seconds.ts";
import { openSpoolFile } from "../log/spool-file.ts";
import { type RecoveredSpool, recoverSpool } from "../log/spool-recovery.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { writeDocument } from "../../os/state/document.ts";
import { jobFiles } from "./messages.ts";

/** How a job ended, whatever the disk says to that. */
export interface ClosedJob {
  readonly summary: JobSummary;
  /** Lines of its log that the disk did not take. */
  readonly rest: Uint8Array;
}

export interface CloseJobOptions {
  /** Of the job, in the state directory. Need not be there. */
  readonly directory: string;
  readonly jobId: string;
  /** Stands in the log, if the log has no end yet. */
  readonly reason: string;
  /** What is known of how it ended. Default: it has failed. */
  readonly known?: JobSummary;
  /** Hears what cannot be kept on disk. */
  readonly logger?: Logger;
}

/** The summary of a job of which nothing else is known. */
export const failed: JobSummary = {
  result: "failed",
  durationMs: 0,
  log: { events: 0, bytes: 0, droppedBytes: 0 },
};

/**
 * Closes the books of a job that nobody runs (any more): every block of its log is closed, the reason stands in the last one, and the result is kept. What
 * cannot be kept on disk is given back. Only whoever holds the job's lock, or made its directory, may do that.
 */
export function closeJob(options: CloseJobOptions): ClosedJob {
  const { directory, jobId, reason, logger, known = failed } = options;
  const path = join(directory, jobFiles.spool);
  const faults: unknown[] = [];
  const onFault = (error: unknown) => void faults.push(error);

  const recovered = recover(path, onFault);
  const text = `${reason}; the job is reported as ${known.result}`;
  const lines = toClosingEvents(recovered, text, known.result).map((event) =>
    Buffer.from(`${JSON.stringify(event)}\n`),
  );
  const { kept, ...extent } = append(path, recovered, lines, onFault);
  const events = (recovered?.events ?? 0) + lines.length;
  const summary: JobSummary = { ...known, log: { ...known.log, ...extent, events } };
  try {
    writeDocument(join(directory, jobFiles.result), summary);
  } catch (error) {
    onFault(error);
  }
  // Who made no directory has said so; of the rest one is enough to know.
  if (faults.length > 0 && existsSync(directory))
    logger?.error(`the job's end cannot be kept on disk: ${toMessage(faults[0])}`, { job: jobId });
  return { summary, rest: Buffer.concat(lines.slice(kept)) };
}

function recover(path: string, onFault: (error: unknown) => void): RecoveredSpool | undefined {
  try {
    return existsSync(path) ? recoverSpool(path) : undefined;
  } catch (error) {
    onFault(error);
    return undefined;
  }
}

/** As many lines as the disk takes. */
function append(
  path: string,
  recovered: RecoveredSpool | undefined,
  lines: readonly Uint8Array[],
  onFault: (error: unknown) => void,
): { kept: number; bytes: number; checksum: number } {
  let kept = 0;
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
        kept += 1;
      }
      file.sync();
    } finally {
      ({ bytes, checksum } = file);
      file.close();
    }
  } catch (error) {
    onFault(error);
  }
  return { kept, bytes, checksum };
}

/** What a log lacks for its page to show a job that is over. */
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
