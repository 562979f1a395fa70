import * as fs from "node:fs";
import type { SpoolBatch, SpoolCursor, SpoolReader, SpoolSource } from "./spool.ts";
import { AgentError, toMessage } from "../errors.ts";

export interface OpenSpoolOptions {
  /** Who writes it. Default: nobody any more. */
  readonly source?: SpoolSource;
  /** Where to begin. Default: at the first event. */
  readonly cursor?: SpoolCursor;
}

/** Opens a spool for reading, in whatever process. Throws `SPOOL_FAILED`, also when no event begins at the cursor. */
export function openSpool(path: string, options: OpenSpoolOptions = {}): SpoolReader {
  const { source = nobody } = options;
  const fd = attempt(() => fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW));
  const disposed = new AbortController();
  let cursor: SpoolCursor;
  try {
    seek(options.cursor ?? { event: 0, offset: 0 });
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }

  function seek(place: SpoolCursor): void {
    if (!isLineStart(place.offset)) {
      throw new AgentError(
        "SPOOL_FAILED",
        `no event begins at byte ${place.offset} of the job's log "${path}"`,
      );
    }
    cursor = place;
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

  function isLineStart(offset: number): boolean {
    if (offset === 0) return true;
    const before = Buffer.alloc(1);
    return attempt(() => fs.readSync(fd, before, 0, 1, offset - 1)) === 1 && before[0] === newline;
  }

  function read(maxEvents: number, maxBytes: number): SpoolBatch | undefined {
    const { lines, events } = attempt(() => readLines(fd, cursor.offset, maxEvents, maxBytes));
    if (events === 0) return undefined;
    const start = cursor;
    cursor = { event: start.event + events, offset: start.offset + lines.length };
    return { start, end: cursor, lines };
  }

  return {
    get cursor() {
      return cursor;
    },
    async next({ maxEvents = 2000, maxBytes = 1024 * 1024, signal } = {}) {
      for (;;) {
        signal?.throwIfAborted();
        disposed.signal.throwIfAborted();
        // Asked before the file: what is written last must not be missed.
        const { closed } = source;
        const batch = read(maxEvents, maxBytes);
        if (batch || closed) return batch;
        await wakeUp(source, signal ? [signal, disposed.signal] : [disposed.signal]);
      }
    },
    seek,
    [Symbol.dispose]() {
      if (disposed.signal.aborted) return;
      disposed.abort(new AgentError("SPOOL_FAILED", `the reader of the job's log "${path}" was closed`));
      fs.closeSync(fd);
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
