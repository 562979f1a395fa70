import * as fs from "node:fs";
import { AgentError, toMessage } from "../../core/errors.ts";
import { findEntry, openStateFile, toKind } from "../../os/state/file.ts";

export interface SpoolFileOptions {
  /** Milliseconds between two synchronisations with the disk. 0: only by `sync`. */
  readonly fsyncIntervalMs: number;
  readonly onSyncFailed: (error: AgentError) => void;
  /**
   * Called once, when the file is found not to be as it was written: another process truncated, extended,
   * replaced or removed it.
   */
  readonly onChanged?: (error: AgentError) => void;
  /** Continues the existing file, which must have this length and checksum. */
  readonly resumeAt?: SpoolExtent;
}

/** The extent of a spool that only its writer has changed. */
export interface SpoolExtent {
  readonly bytes: number;
  /** CRC-32 of all its bytes. */
  readonly checksum: number;
}

/**
 * A file of whole lines: a line that cannot be written completely is removed again. Each line is written at
 * its own offset, so that lines after a change by another process are still where readers expect them.
 */
export interface SpoolFile extends SpoolExtent {
  append(line: Uint8Array): void;
  sync(): void;
  /**
   * Describes how another process changed the file: its place, its size, and its bytes if there are at most
   * `maxBytes`.
   */
  findChange(maxBytes: number): string | undefined;
  close(): void;
}

/** Opens a file for writing, readable by its owner only (see `openStateFile`). Every failure is `SPOOL_FAILED`. */
export function openSpoolFile(path: string, options: SpoolFileOptions): SpoolFile {
  return new LineFile(path, options);
}

/** Describes how a spool differs from what was written, as far as the writer recorded it. */
export function toMismatch(found: SpoolExtent, written: Partial<SpoolExtent>): string | undefined {
  if (written.checksum === undefined) return undefined;
  if (found.bytes !== written.bytes) return `it has ${found.bytes} bytes, and ${written.bytes} were written`;
  return found.checksum === written.checksum ? undefined : "its bytes differ from what was written";
}

/** Reads the first bytes of a file, and yields the checksum after each block; 0 at first. */
export function* readChecksums(fd: number, bytes: number): Generator<number> {
  const block = Buffer.allocUnsafeSlow(Math.min(bytes, blockBytes));
  let checksum = 0;
  yield checksum;
  for (let at = 0, count = 0; at < bytes; at += count) {
    count = fs.readSync(fd, block, 0, Math.min(block.length, bytes - at), at);
    if (count === 0) return;
    checksum = Bun.hash.crc32(block.subarray(0, count), checksum);
    yield checksum;
  }
}

class LineFile implements SpoolFile {
  readonly #path: string;
  readonly #options: SpoolFileOptions;
  readonly #fd: number;
  #bytes: number;
  #checksum: number;
  #isChanged = false;
  /** Whether the file may end with a part of a line. */
  #isTorn = false;
  /** Whether something was written since the last synchronisation. */
  #isDirty = false;
  #isSyncing = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, options: SpoolFileOptions) {
    const { resumeAt } = options;
    this.#path = path;
    this.#options = options;
    this.#fd = this.#attempt("open", () => openStateFile(path, resumeAt === undefined ? "create" : "update"));
    this.#bytes = resumeAt?.bytes ?? 0;
    this.#checksum = resumeAt?.checksum ?? 0;
    // A limit of the file size (`ulimit -f`) must be an error of the write, not the end of the process.
    if (process.listenerCount("SIGXFSZ") === 0) process.on("SIGXFSZ", () => {});
    if (resumeAt !== undefined) this.#assertLength(resumeAt.bytes);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get checksum(): number {
    return this.#checksum;
  }

  append(line: Uint8Array): void {
    try {
      this.#writeLine(line);
    } catch (cause) {
      this.#removePartialLine();
      throw this.#toFailure("write to", cause);
    }
    this.#isDirty = true;
    this.#scheduleSync();
  }

  sync(): void {
    this.#attempt("synchronise", () => fs.fdatasyncSync(this.#fd));
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    try {
      this.#inspect();
      if (this.#options.fsyncIntervalMs > 0) this.sync();
    } finally {
      // While a call is under way the descriptor stays open: its number could be reused for another file.
      if (!this.#isSyncing) fs.closeSync(this.#fd);
    }
  }

  #attempt<T>(verb: string, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw this.#toFailure(verb, cause);
    }
  }

  #toFailure(verb: string, cause: unknown): AgentError {
    const message = `cannot ${verb} the job's log "${this.#path}": ${toMessage(cause)}`;
    return new AgentError("SPOOL_FAILED", message, { cause });
  }

  #assertLength(expected: number): void {
    const { size } = this.#attempt("read", () => fs.fstatSync(this.#fd));
    if (size === expected) return;
    fs.closeSync(this.#fd);
    const what = `has ${size} bytes, and ${expected} when it was recovered: another process writes to it`;
    throw new AgentError("SPOOL_FAILED", `the job's log "${this.#path}" ${what}`);
  }

  #writeLine(line: Uint8Array): void {
    if (this.#isTorn) fs.ftruncateSync(this.#fd, this.#bytes);
    this.#isTorn = true;
    for (let at = 0; at < line.length;) {
      at += fs.writeSync(this.#fd, line, at, line.length - at, this.#bytes + at);
    }
    this.#isTorn = false;
    this.#bytes += line.length;
    this.#checksum = Bun.hash.crc32(line, this.#checksum);
  }

  #removePartialLine(): void {
    try {
      fs.ftruncateSync(this.#fd, this.#bytes);
      this.#isTorn = false;
    } catch {
      // Tried again before the next line.
    }
  }

  /** Synchronises after the interval; there is never more than one such call under way. */
  #scheduleSync(): void {
    if (this.#timer !== undefined || this.#isSyncing || this.#isClosed) return;
    if (this.#options.fsyncIntervalMs === 0) return;
    this.#timer = setTimeout(() => this.#syncInBackground(), this.#options.fsyncIntervalMs);
    this.#timer.unref();
  }

  #syncInBackground(): void {
    this.#timer = undefined;
    this.#isDirty = false;
    this.#isSyncing = true;
    fs.fdatasync(this.#fd, (error) => {
      this.#isSyncing = false;
      if (this.#isClosed) fs.closeSync(this.#fd);
      else {
        this.#inspect();
        if (this.#isDirty) this.#scheduleSync();
      }
      if (error) this.#options.onSyncFailed(this.#toFailure("synchronise", error));
    });
  }

  /** Reports a change by another process, as far as it shows in the size and in what the path refers to. */
  #inspect(): void {
    const { onChanged } = this.#options;
    if (this.#isChanged || !onChanged) return;
    const what = this.findChange(0);
    if (what === undefined) return;
    this.#isChanged = true;
    onChanged(
      new AgentError("SPOOL_FAILED", `another process changed the job's log "${this.#path}": ${what}`),
    );
  }

  findChange(maxBytes: number): string | undefined {
    if (this.#isTorn) return undefined;
    try {
      const own = fs.fstatSync(this.#fd);
      const replaced = findReplacement(own, findEntry(this.#path));
      if (replaced !== undefined) return replaced;
      const isRead = own.size === this.#bytes && own.size <= maxBytes;
      const checksum = isRead ? [...readChecksums(this.#fd, own.size)].at(-1)! : this.#checksum;
      return toMismatch({ bytes: own.size, checksum }, this);
    } catch (error) {
      return toMessage(error);
    }
  }
}

function findReplacement(own: fs.Stats, current: fs.Stats | undefined): string | undefined {
  if (current === undefined) return "it was removed";
  if (!current.isFile()) return `it was replaced by ${toKind(current)}`;
  return current.ino === own.ino && current.dev === own.dev ? undefined : "it was replaced";
}

const blockBytes = 1024 * 1024;
