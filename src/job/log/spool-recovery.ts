import * as fs from "node:fs";
import type { JobEvent } from "../../core/contracts/job-events.ts";
import { AgentError, toMessage } from "../../core/errors.ts";

/** What a writer that is dead has left, after the cut. */
export interface RecoveredSpool {
  /** Whole events, and the bytes that they take: a cursor beyond them has to go back to here before anything is appended. */
  readonly events: number;
  readonly bytes: number;
  /** CRC-32 of these bytes. */
  readonly checksum: number;
  /** Bytes of what was no whole event, and is gone. */
  readonly cutBytes: number;
  /** `job_started` is in it. */
  readonly started: boolean;
  /** `job_finished` is in it. */
  readonly finished: boolean;
  /** The command that has no `cmd_finished`. */
  readonly openCommand?: {
    readonly directive: string;
    readonly startedAt: number;
    /** Its output so far ends with a line end, or there is none. */
    readonly atLineStart: boolean;
  };
}

/**
 * Cuts a spool behind its last whole event, so that another writer can go on (`createSpool` with `recovered`). Only for who has
 * proved that the writer is dead. What the machine's crash leaves (a line without its end, a tail of NULs) goes; all from the
 * first line on that is no event goes with it. On a disk that has become read-only nothing is cut. Throws `SPOOL_FAILED`.
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
  const { O_RDWR, O_RDONLY, O_NOFOLLOW } = fs.constants;
  try {
    return { fd: fs.openSync(path, O_RDWR | O_NOFOLLOW), isWritable: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EROFS") throw error;
    return { fd: fs.openSync(path, O_RDONLY | O_NOFOLLOW), isWritable: false };
  }
}

function recover(fd: number, isWritable: boolean): RecoveredSpool {
  const { size } = fs.fstatSync(fd);
  let events = 0;
  let bytes = 0;
  let checksum = 0;
  let started = false;
  let finished = false;
  let openCommand: RecoveredSpool["openCommand"];
  for (const line of linesOf(fd)) {
    const event = toEvent(line);
    if (!event) break;
    events += 1;
    bytes += line.length + 1;
    checksum = Bun.hash.crc32("\n", Bun.hash.crc32(line, checksum));
    if (event.event === "job_started") started = true;
    else if (event.event === "job_finished") finished = true;
    else if (event.event === "cmd_finished") openCommand = undefined;
    else if (event.event === "cmd_started") {
      openCommand = { directive: event.directive, startedAt: event.timestamp, atLineStart: true };
    } else if (openCommand && event.event === "cmd_output")
      openCommand = { ...openCommand, atLineStart: event.output.endsWith("\n") };
  }
  if (bytes < size && isWritable) {
    fs.ftruncateSync(fd, bytes);
    fs.fdatasyncSync(fd);
  }
  const cutBytes = isWritable ? size - bytes : 0;
  return { events, bytes, checksum, cutBytes, started, finished, ...(openCommand && { openCommand }) };
}

/** The lines of a file, each good until the next one. What follows the last line end is none. */
function* linesOf(fd: number): Generator<Buffer> {
  let buffer = Buffer.allocUnsafeSlow(blockBytes);
  let filled = 0;
  for (;;) {
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

function toEvent(line: Buffer): JobEvent | undefined {
  try {
    const value: unknown = JSON.parse(line.toString());
    return typeof value === "object" && value !== null && "event" in value ? (value as JobEvent) : undefined;
  } catch {
    return undefined;
  }
}
