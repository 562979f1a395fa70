import * as fs from "node:fs";
import type { NextOptions, SpoolBatch, SpoolCursor, SpoolReader } from "../../core/contracts/spool.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { findEntry, openStateFile } from "../../os/state/file.ts";
import { countLines, findEndOfLines, readLines } from "./spool-lines.ts";
import { type SpoolSource, wakeUp } from "./spool-source.ts";

export interface OpenSpoolOptions {
  /** The writer. Default: the spool is closed. */
  readonly source?: SpoolSource;
  /** Start position. Default: the first event. */
  readonly cursor?: SpoolCursor;
}

/**
 * Opens a spool for reading, in any process. Throws `SPOOL_FAILED`, also when no event begins at the cursor.
 * The file may be missing when its source has a `rest`, which then is the whole log.
 */
export function openSpool(path: string, options: OpenSpoolOptions = {}): SpoolReader {
  return new FileSpoolReader(path, options);
}

class FileSpoolReader implements SpoolReader {
  readonly #path: string;
  readonly #source: SpoolSource;
  readonly #fd: number | undefined;
  readonly #disposed = new AbortController();
  #cursor: SpoolCursor = { event: 0, offset: 0 };
  #checksum = 0;
  #isRestRead = false;
  /** The offset at which the source's rest begins, once it was asked for. */
  #end: number | undefined;

  constructor(path: string, { source = closedSource, cursor }: OpenSpoolOptions) {
    this.#path = path;
    this.#source = source;
    this.#fd = this.#open();
    try {
      this.seek(cursor ?? this.#cursor);
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  get cursor(): SpoolCursor {
    return this.#cursor;
  }

  get checksum(): number {
    return this.#checksum;
  }

  async next(options: NextOptions = {}): Promise<SpoolBatch | undefined> {
    const { maxEvents = 2000, maxBytes = 1024 * 1024, lingerMs = 0, minBytes = maxBytes, signal } = options;
    const enough = Math.min(minBytes, maxBytes);
    let deadline: number | undefined;
    for (;;) {
      signal?.throwIfAborted();
      this.#disposed.signal.throwIfAborted();
      // Read before the file: otherwise what is written last could be missed.
      const { closed } = this.#source;
      const stored = lingerMs > 0 && !closed ? this.#countStored() : enough;
      if (stored > 0) deadline ??= performance.now() + lingerMs;
      const leftMs = stored >= enough ? 0 : (deadline ?? 0) - performance.now();
      const batch = leftMs > 0 ? undefined : this.#read(maxEvents, maxBytes);
      if (batch || closed) return batch ?? this.#readRest();
      await wakeUp(this.#source, [signal, this.#disposed.signal], leftMs > 0 ? leftMs : undefined);
    }
  }

  peek(
    at: SpoolCursor,
    { maxEvents = 2000, maxBytes = 1024 * 1024 }: { maxEvents?: number; maxBytes?: number } = {},
  ): SpoolBatch | undefined {
    this.#disposed.signal.throwIfAborted();
    const fd = this.#fd;
    const { lines, events } =
      fd === undefined ? nothing : this.#attempt(() => readLines(fd, at.offset, maxEvents, maxBytes));
    return events === 0 ? this.#peekRest(at) : toBatch(at, lines, events);
  }

  seek(cursor: SpoolCursor): void {
    this.#checksum = this.#checksumUpTo(cursor.offset);
    this.#cursor = cursor;
    this.#isRestRead = false;
  }

  countRest(): { readonly bytes: number; readonly events?: number } {
    const start = this.#cursor;
    const stored = this.#countStored();
    if (stored > maxCountedBytes) return { bytes: stored };
    let at = start;
    for (
      let batch = this.peek(at);
      batch && batch.end.offset - start.offset <= maxCountedBytes;
      batch = this.peek(at)
    )
      at = batch.end;
    return { bytes: at.offset - start.offset, events: at.event - start.event };
  }

  [Symbol.dispose](): void {
    if (this.#disposed.signal.aborted) return;
    this.#disposed.abort(
      new AgentError("SPOOL_FAILED", `the reader of the job's log "${this.#path}" was closed`),
    );
    this.#close();
  }

  #open(): number | undefined {
    if (this.#source.rest && !findEntry(this.#path)) return undefined;
    return this.#attempt(() => openStateFile(this.#path, "read"));
  }

  #close(): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
  }

  /** The bytes of the file behind the cursor, which may end within a line. */
  #countStored(): number {
    this.#disposed.signal.throwIfAborted();
    const fd = this.#fd;
    return fd === undefined ? 0 : Math.max(0, fs.fstatSync(fd).size - this.#cursor.offset);
  }

  #attempt<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      const message = `cannot read the job's log "${this.#path}": ${toMessage(cause)}`;
      throw new AgentError("SPOOL_FAILED", message, { cause });
    }
  }

  /** Computes the checksum of the bytes before an offset, which must be the beginning of a line. */
  #checksumUpTo(offset: number): number {
    const fd = this.#fd;
    let sum = 0;
    let last = newline;
    if (fd !== undefined && fs.fstatSync(fd).size < offset) last = 0;
    const block = Buffer.allocUnsafeSlow(Math.min(offset, 1024 * 1024));
    for (let at = 0; last !== 0 && at < offset;) {
      const wanted = Math.min(block.length, offset - at);
      const count = fd === undefined ? 0 : this.#attempt(() => fs.readSync(fd, block, 0, wanted, at));
      if (count === 0) {
        last = 0;
        break;
      }
      sum = Bun.hash.crc32(block.subarray(0, count), sum);
      last = block[count - 1]!;
      at += count;
    }
    if (last === newline) return sum;
    throw new AgentError(
      "SPOOL_FAILED",
      `no event begins at byte ${offset} of the job's log "${this.#path}"`,
    );
  }

  #read(maxEvents: number, maxBytes: number): SpoolBatch | undefined {
    const fd = this.#fd;
    if (fd === undefined) return undefined;
    const { lines, events } = this.#attempt(() => readLines(fd, this.#cursor.offset, maxEvents, maxBytes));
    if (events === 0) return undefined;
    this.#checksum = Bun.hash.crc32(lines, this.#checksum);
    return this.#advance(lines, events);
  }

  /** Returns the source's rest in one batch, since it is small. */
  #readRest(): SpoolBatch | undefined {
    const lines = this.#isRestRead ? undefined : this.#source.rest;
    this.#isRestRead = true;
    return lines && lines.length > 0 ? this.#advance(lines, countLines(lines)) : undefined;
  }

  /** The rest follows the last line of the file. Positions in it continue those of the file. */
  #peekRest(at: SpoolCursor): SpoolBatch | undefined {
    const { rest } = this.#source;
    if (rest === undefined || rest.length === 0) return undefined;
    this.#end ??= this.#fd === undefined ? 0 : this.#attempt(() => findEndOfLines(this.#fd!));
    const lines = rest.subarray(Math.max(0, at.offset - this.#end));
    return lines.length === 0 ? undefined : toBatch(at, lines, countLines(lines));
  }

  #advance(lines: Uint8Array, events: number): SpoolBatch {
    const batch = toBatch(this.#cursor, lines, events);
    this.#cursor = batch.end;
    return batch;
  }
}

const nothing = { lines: new Uint8Array(), events: 0 };

function toBatch(start: SpoolCursor, lines: Uint8Array, events: number): SpoolBatch {
  return { start, end: { event: start.event + events, offset: start.offset + lines.length }, lines };
}

const closedSource: SpoolSource = { closed: true, watch: () => () => {} };
const newline = 0x0a;
const maxCountedBytes = 16 * 2 ** 20;
