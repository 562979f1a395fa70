import type { SpoolReader, SpoolCursor, SpoolBatch } from "../../core/contracts/spool.ts";
import * as fs from "node:fs";
import { AgentError, toMessage } from "../../core/errors.ts";

/** Who writes a spool, as far as its readers must know. In another process: the socket on which the writer's wake-ups come. */
export interface SpoolSource {
  /** No event will come any more. */
  readonly closed: boolean;
  /** Once it is closed: lines that the disk did not take. They come behind the file's, if there is one. */
  readonly rest?: Uint8Array | undefined;
  /** Calls `listener` after each append and when the spool is closed. Returns what stops that. */
  watch(listener: () => void): () => void;
}

export interface OpenSpoolOptions {
  /** Who writes it. Default: nobody any more. */
  readonly source?: SpoolSource;
  /** Where to begin. Default: at the first event. */
  readonly cursor?: SpoolCursor;
}

/**
 * Opens a spool for reading, in whatever process. Throws `SPOOL_FAILED`, also when no event begins at the cursor. The file may be missing when
 * its source has a `rest`: then that is all there is.
 */
export function openSpool(path: string, options: OpenSpoolOptions = {}): SpoolReader {
  const { source = nobody } = options;
  let isRestRead = false;
  const fd = open();
  const disposed = new AbortController();
  let cursor: SpoolCursor = { event: 0, offset: 0 };
  let checksum = 0;
  try {
    seek(options.cursor ?? cursor);
  } catch (error) {
    close();
    throw error;
  }

  function seek(place: SpoolCursor): void {
    checksum = passOver(place.offset);
    cursor = place;
    isRestRead = false;
  }

  function open(): number | undefined {
    if (source.rest && !fs.existsSync(path)) return undefined;
    return attempt(() => fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW));
  }

  function close(): void {
    if (fd !== undefined) fs.closeSync(fd);
  }

  function attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw new AgentError("SPOOL_FAILED", `cannot read the job's log "${path}": ${toMessage(cause)}`, {
        cause,
      });
    }
  }

  /** The checksum of what stands before an offset, which must be the beginning of a line. */
  function passOver(offset: number): number {
    let sum = 0;
    let last = newline;
    const block = Buffer.allocUnsafeSlow(Math.min(offset, 1024 * 1024));
    for (let at = 0; at < offset;) {
      const wanted = Math.min(block.length, offset - at);
      const count = fd === undefined ? 0 : attempt(() => fs.readSync(fd, block, 0, wanted, at));
      if (count === 0) last = 0;
      if (count === 0) break;
      sum = Bun.hash.crc32(block.subarray(0, count), sum);
      last = block[count - 1]!;
      at += count;
    }
    if (last === newline) return sum;
    throw new AgentError("SPOOL_FAILED", `no event begins at byte ${offset} of the job's log "${path}"`);
  }

  function read(maxEvents: number, maxBytes: number): SpoolBatch | undefined {
    if (fd === undefined) return undefined;
    const { lines, events } = attempt(() => readLines(fd, cursor.offset, maxEvents, maxBytes));
    if (events === 0) return undefined;
    checksum = Bun.hash.crc32(lines, checksum);
    return advance(lines, events);
  }

  /** All of it in one batch: it is little. */
  function readRest(): SpoolBatch | undefined {
    const lines = isRestRead ? undefined : source.rest;
    isRestRead = true;
    return lines && lines.length > 0
      ? advance(lines, lines.filter((byte) => byte === newline).length)
      : undefined;
  }

  function advance(lines: Uint8Array, events: number): SpoolBatch {
    const start = cursor;
    cursor = { event: start.event + events, offset: start.offset + lines.length };
    return { start, end: cursor, lines };
  }

  return {
    get cursor() {
      return cursor;
    },
    get checksum() {
      return checksum;
    },
    async next({ maxEvents = 2000, maxBytes = 1024 * 1024, signal } = {}) {
      for (;;) {
        signal?.throwIfAborted();
        disposed.signal.throwIfAborted();
        // Asked before the file: what is written last must not be missed.
        const { closed } = source;
        const batch = read(maxEvents, maxBytes);
        if (batch || closed) return batch ?? readRest();
        await wakeUp(source, signal ? [signal, disposed.signal] : [disposed.signal]);
      }
    },
    seek,
    [Symbol.dispose]() {
      if (disposed.signal.aborted) return;
      disposed.abort(new AgentError("SPOOL_FAILED", `the reader of the job's log "${path}" was closed`));
      close();
    },
  };
}

const nobody: SpoolSource = { closed: true, watch: () => () => {} };
const newline = 0x0a;

/** Resolves when the source has news; rejects with the reason of the signal that aborts first. */
function wakeUp(source: SpoolSource, signals: readonly AbortSignal[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = source.watch(resolve);
  const aborts = signals.map((signal) => [signal, () => reject(signal.reason)] as const);
  for (const [signal, abort] of aborts) signal.addEventListener("abort", abort);
  return promise.finally(() => {
    stop();
    for (const [signal, abort] of aborts) signal.removeEventListener("abort", abort);
  });
}

/**
 * Reads as many whole lines as both bounds allow, and always one when there is one. What follows the last line end is read
 * anew each time: a line that its writer could not finish may by then have made room for another.
 */
function readLines(
  fd: number,
  offset: number,
  maxEvents: number,
  maxBytes: number,
): { lines: Uint8Array; events: number } {
  // In one piece and of the right size: what floods in would leave twice as much garbage otherwise.
  const available = fs.fstatSync(fd).size - offset;
  let buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(maxBytes, available + 1)));
  let end = 0;
  let events = 0;
  for (;;) {
    const filled = end + fs.readSync(fd, buffer, end, buffer.length - end, offset + end);
    const block = buffer.subarray(0, filled);
    for (let next = block.indexOf(newline, end) + 1; next > 0; next = block.indexOf(newline, end) + 1) {
      if (events > 0 && (events >= maxEvents || next > maxBytes))
        return { lines: buffer.subarray(0, end), events };
      end = next;
      events += 1;
    }
    const full = events > 0 && (events >= maxEvents || buffer.length >= maxBytes);
    if (full || filled < buffer.length) return { lines: buffer.subarray(0, end), events };
    buffer = Buffer.concat([buffer.subarray(0, end)], buffer.length * 2);
  }
}
