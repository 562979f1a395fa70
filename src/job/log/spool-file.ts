import * as fs from "node:fs";
import { AgentError, toMessage } from "../../core/errors.ts";

export interface SpoolFileOptions {
  /** 0: only `sync` synchronises. */
  readonly fsyncIntervalMs: number;
  readonly onSyncFailed: (error: AgentError) => void;
  /** Called once, when the file is seen not to be as it was written: another process cut, extended, replaced or removed it. */
  readonly onChanged?: (error: AgentError) => void;
  /** Goes on with the file that is there and has this length and checksum. */
  readonly resumeAt?: SpoolExtent;
}

/** What a spool is when nobody but its writer has touched it. */
export interface SpoolExtent {
  readonly bytes: number;
  /** CRC-32 of all its bytes. */
  readonly checksum: number;
}

/**
 * A file of whole lines: a line that cannot be written to its end is taken back. Each line goes to its own place, so that what comes
 * after a change by another process still stands where readers look for it.
 */
export interface SpoolFile extends SpoolExtent {
  append(line: Uint8Array): void;
  sync(): void;
  close(): void;
}

/** Opens for writing, readable by its owner only, never through a symbolic link. All that fails is `SPOOL_FAILED`. */
export function openSpoolFile(path: string, options: SpoolFileOptions): SpoolFile {
  const { fsyncIntervalMs, onSyncFailed, onChanged, resumeAt } = options;
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = fs.constants;
  const fresh = resumeAt === undefined ? O_CREAT | O_EXCL : 0;
  const fd = attempt("open", () => fs.openSync(path, O_WRONLY | O_NOFOLLOW | fresh, 0o600));
  // A limit of file size (`ulimit -f`) is an error of the write, not the end of the process.
  if (process.listenerCount("SIGXFSZ") === 0) process.on("SIGXFSZ", () => {});
  let { bytes, checksum } = resumeAt ?? { bytes: 0, checksum: 0 };
  let isChanged = false;
  let torn = false;
  let dirty = false;
  let syncing = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  if (resumeAt !== undefined) assertLength(bytes);

  function attempt<T>(verb: string, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw failure(verb, cause);
    }
  }

  function failure(verb: string, cause: unknown): AgentError {
    return new AgentError("SPOOL_FAILED", `cannot ${verb} the job's log "${path}": ${toMessage(cause)}`, {
      cause,
    });
  }

  function assertLength(expected: number): void {
    const { size } = attempt("read", () => fs.fstatSync(fd));
    if (size === expected) return;
    fs.closeSync(fd);
    const what = `has ${size} bytes, and ${expected} when it was recovered: another process writes to it`;
    throw new AgentError("SPOOL_FAILED", `the job's log "${path}" ${what}`);
  }

  function writeLine(line: Uint8Array): void {
    if (torn) fs.ftruncateSync(fd, bytes);
    torn = true;
    for (let at = 0; at < line.length;) at += fs.writeSync(fd, line, at, line.length - at, bytes + at);
    torn = false;
    bytes += line.length;
    checksum = Bun.hash.crc32(line, checksum);
  }

  function findChange(): string | undefined {
    try {
      return toChange(fs.fstatSync(fd), fs.statSync(path, { throwIfNoEntry: false }), bytes);
    } catch (error) {
      return toMessage(error);
    }
  }

  /** Its size, and that the path still leads to it: what is cheap to know. */
  function inspect(): void {
    if (isChanged || torn || !onChanged) return;
    const what = findChange();
    if (what === undefined) return;
    isChanged = true;
    onChanged(new AgentError("SPOOL_FAILED", `another process changed the job's log "${path}": ${what}`));
  }

  /** Puts what was written on the disk a while from now; there is never more than one such call under way. */
  function syncLater(): void {
    if (timer !== undefined || syncing || closed || fsyncIntervalMs === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      dirty = false;
      syncing = true;
      fs.fdatasync(fd, (error) => {
        syncing = false;
        if (closed) fs.closeSync(fd);
        else {
          inspect();
          if (dirty) syncLater();
        }
        if (error) onSyncFailed(failure("synchronise", error));
      });
    }, fsyncIntervalMs);
    timer.unref();
  }

  return {
    get bytes() {
      return bytes;
    },
    get checksum() {
      return checksum;
    },
    append(line) {
      try {
        writeLine(line);
      } catch (cause) {
        cutBack();
        throw failure("write to", cause);
      }
      dirty = true;
      syncLater();
    },
    sync: () => attempt("synchronise", () => fs.fdatasyncSync(fd)),
    close() {
      closed = true;
      clearTimeout(timer);
      try {
        inspect();
        if (fsyncIntervalMs > 0) attempt("synchronise", () => fs.fdatasyncSync(fd));
      } finally {
        // A descriptor that is closed under a running call could by then be another file's.
        if (!syncing) fs.closeSync(fd);
      }
    },
  };

  function cutBack(): void {
    try {
      fs.ftruncateSync(fd, bytes);
      torn = false;
    } catch {
      // Tried again before the next line.
    }
  }
}

function toChange(own: fs.Stats, there: fs.Stats | undefined, bytes: number): string | undefined {
  if (there === undefined) return "it was removed";
  if (there.ino !== own.ino || there.dev !== own.dev) return "it was replaced";
  return own.size === bytes ? undefined : `it has ${own.size} bytes, and ${bytes} were written`;
}
