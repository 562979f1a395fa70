import * as fs from "node:fs";
import type { JobEvent, JobResult } from "../../core/contracts/job-events.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { openStateFile } from "../../os/state/file.ts";
import { maxLineBytes } from "./spool-lines.ts";

/** What a dead writer left, after the file was truncated. */
export interface RecoveredSpool {
  /**
   * Whole events, and their size in bytes. A cursor beyond them must be moved back to this position before
   * anything is appended.
   */
  readonly events: number;
  readonly bytes: number;
  /** CRC-32 of these bytes. */
  readonly checksum: number;
  /** Whether it contains `job_started`. */
  readonly started: boolean;
  /**
   * Times of the first and of the last event, in Unix milliseconds: that of creation and last change of the file,
   * within the seconds that the events give. Left out without events that have a time.
   */
  readonly startedAt?: number;
  readonly changedAt?: number;
  /** The result in its `job_finished`, if it has one. */
  readonly finished?: JobResult;
  /** The command without a `cmd_finished`. */
  readonly openCommand?: {
    readonly directive: string;
    readonly startedAt: number;
    /** Whether its output so far ends with a line end, or is empty. */
    readonly atLineStart: boolean;
  };
}

/**
 * Truncates a spool after its last whole event, so that another writer can continue (`openSpoolFile` with
 * `resumeAt`). The caller must have proved that the writer is dead. What a crash of the machine leaves (a
 * line without its end, a tail of NULs) is removed, with everything from the first line on that is no event.
 * On a read-only disk nothing is removed. Throws `SPOOL_FAILED`.
 */
export function recoverSpool(path: string): RecoveredSpool {
  try {
    const { fd, isWritable } = open(path);
    try {
      return recover(fd, isWritable);
    } finally {
      fs.closeSync(fd);
    }
  } catch (cause) {
    throw new AgentError("SPOOL_FAILED", `cannot recover the job's log "${path}": ${toMessage(cause)}`, {
      cause,
    });
  }
}

const newline = 0x0a;
const blockBytes = 256 * 1024;

function open(path: string): { fd: number; isWritable: boolean } {
  try {
    return { fd: openStateFile(path, "update"), isWritable: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EROFS") throw error;
    return { fd: openStateFile(path, "read"), isWritable: false };
  }
}

function recover(fd: number, isWritable: boolean): RecoveredSpool {
  const { size, birthtimeMs, mtimeMs } = fs.fstatSync(fd);
  let firstSecond: number | undefined;
  let lastSecond: number | undefined;
  let events = 0;
  let bytes = 0;
  let checksum = 0;
  let started = false;
  let finished: JobResult | undefined;
  let openCommand: RecoveredSpool["openCommand"];
  for (const line of linesOf(fd)) {
    const event = toEvent(line);
    if (!event) break;
    events += 1;
    bytes += line.length + 1;
    checksum = Bun.hash.crc32("\n", Bun.hash.crc32(line, checksum));
    if (Number.isSafeInteger(event.timestamp)) {
      firstSecond ??= event.timestamp;
      lastSecond = event.timestamp;
    }
    if (event.event === "job_started") started = true;
    else if (event.event === "job_finished") finished = toResult(event.result);
    else if (event.event === "cmd_finished") openCommand = undefined;
    else if (event.event === "cmd_started") {
      openCommand = {
        directive: String(event.directive),
        startedAt: Number(event.timestamp) || 0,
        atLineStart: true,
      };
    } else if (openCommand && event.event === "cmd_output")
      openCommand = { ...openCommand, atLineStart: String(event.output).endsWith("\n") };
  }
  if (bytes < size && isWritable) {
    fs.ftruncateSync(fd, bytes);
    fs.fdatasyncSync(fd);
  }
  return {
    events,
    bytes,
    checksum,
    started,
    ...(firstSecond !== undefined && { startedAt: withinSecond(firstSecond, birthtimeMs) }),
    ...(lastSecond !== undefined && { changedAt: withinSecond(lastSecond, mtimeMs) }),
    ...(finished && { finished }),
    ...(openCommand && { openCommand }),
  };
}

/** Returns the millisecond of a second of the log that is nearest to a time of the file. */
function withinSecond(second: number, fileMs: number): number {
  return Math.min(Math.max(Math.round(fileMs), second * 1000), second * 1000 + 999);
}

/**
 * Yields the lines of a file, each valid until the next one. Bytes after the last line end are no line, nor
 * is a line without a bound.
 */
export function* linesOf(fd: number): Generator<Buffer> {
  let buffer = Buffer.allocUnsafeSlow(blockBytes);
  let filled = 0;
  for (;;) {
    // The hole of a sparse file, or a line that no spool has written.
    if (filled === buffer.length && (buffer.includes(0) || filled > maxLineBytes)) return;
    if (filled === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
    const count = fs.readSync(fd, buffer, filled, buffer.length - filled, null);
    if (count === 0) return;
    filled += count;
    let start = 0;
    const block = buffer.subarray(0, filled);
    for (let end = block.indexOf(newline); end >= 0; end = block.indexOf(newline, start)) {
      yield block.subarray(start, end);
      start = end + 1;
    }
    buffer.copyWithin(0, start, filled);
    filled -= start;
  }
}

/** Another process may have written anything. */
function toResult(result: unknown): JobResult {
  return result === "passed" || result === "stopped" ? result : "failed";
}

function toEvent(line: Buffer): JobEvent | undefined {
  try {
    const value: unknown = JSON.parse(line.toString());
    return typeof value === "object" && value !== null && "event" in value ? (value as JobEvent) : undefined;
  } catch {
    return undefined;
  }
}
