import { stderr } from "../this-process/output.ts";
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { AgentError, toMessage } from "../../core/errors.ts";
import type { LoggerSink } from "../../core/logger/logger.ts";
import { findForeignReason } from "../file-trust/foreign-entry.ts";
import { toPrintable } from "../../core/text/printable.ts";
import { type LogRotation, rotate } from "./rotate.ts";

/** The agent's log file. Lines are appended; several agents of a host may share it (protocol section 8.6). */
export interface LogFile extends LoggerSink, Disposable {
  /** Opens the file again by its path, so that it exists before the next line. */
  reopen(): void;
}

/**
 * Opens the file (0644) and creates its parent directories (0755). The default path is in a directory that
 * every user may write to, so a symbolic link is refused. Throws `FILE_FAILED`.
 *
 * Each line goes to the file that has the path at that moment, so that the file may be moved or removed at
 * any time (by the rotation of another writer, by `logrotate`) without a signal. A later failure is reported
 * once, on stderr, and the previous file stays in use.
 */
export function openLogFile(path: string, rotation: LogRotation = { maxBytes: 0, count: 0 }): LogFile {
  let file: OpenFile | undefined = open(path);
  const faults = new Set<string>();
  let rotateAfter = 0;

  /** Returns `false` when `work` fails, and reports the failure if the last attempt succeeded. */
  function attempt(action: string, work: () => void): boolean {
    try {
      work();
      faults.delete(action);
      return true;
    } catch (error) {
      if (!faults.has(action)) {
        stderr().write(`${toPrintable(`cannot ${action} the log file "${path}": ${toMessage(error)}`)}\n`);
      }
      faults.add(action);
      return false;
    }
  }

  function reopen(): void {
    if (file === undefined) return;
    const before = file;
    attempt("reopen", () => {
      file = open(path, fstatSync(before.fd).mode & 0o666);
      closeSync(before.fd);
    });
  }

  /** Returns the current state of the file if it still has the path. */
  function find({ stats }: OpenFile): BigIntStats | undefined {
    const found = look(path);
    return found?.ino === stats.ino && found.dev === stats.dev ? found : undefined;
  }

  return {
    write(line) {
      if (file === undefined) return;
      const found = find(file);
      if (found === undefined) reopen();
      else if (isFull(found, line, rotation) && performance.now() >= rotateAfter) {
        const { fd } = file;
        const isDone = attempt("rotate", () =>
          rotate(path, { fd, count: rotation.count, isOurs: () => find(file!) !== undefined }),
        );
        if (!isDone) rotateAfter = performance.now() + rotateAgainMs;
        // Reopening also releases the lock.
        reopen();
      }
      // A line in a file that was removed meanwhile would be lost, so it is written again.
      for (let tries = 0; tries < maxTries; tries++) {
        const { fd } = file;
        if (!attempt("write", () => writeSync(fd, line)) || fstatSync(fd).nlink > 0 || find(file)) return;
        reopen();
      }
    },
    reopen,
    [Symbol.dispose]() {
      if (file !== undefined) closeSync(file.fd);
      file = undefined;
    },
  };
}

/**
 * Opens the file as {@link openLogFile} does, but returns `undefined` when it fails, with a message on
 * stderr.
 */
export function openLogFileIfPossible(path: string, rotation?: LogRotation): LogFile | undefined {
  try {
    return openLogFile(path, rotation);
  } catch (error) {
    stderr().write(`${toPrintable(toMessage(error))}; continuing without a log file\n`);
    return undefined;
  }
}

interface OpenFile {
  readonly fd: number;
  readonly stats: BigIntStats;
}

const maxTries = 5;
const rotateAgainMs = 60_000;

/**
 * Pipes and devices are never full. The file of another user is not rotated: the new file would be ours, and
 * its writers could not open it.
 */
function isFull(found: BigIntStats, line: string, { maxBytes }: LogRotation): boolean {
  if (maxBytes === 0 || !found.isFile() || found.size === 0n) return false;
  if (Number(found.uid) !== process.geteuid?.()) return false;
  return Number(found.size) + Buffer.byteLength(line) > maxBytes;
}

function look(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

// Without O_NONBLOCK, opening a FIFO without a reader would block the agent.
const flags =
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function open(path: string, mode = 0o644): OpenFile {
  try {
    // Nothing is created where it is refused afterwards.
    assertOwn(path);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const fd = openSync(path, flags, mode);
    try {
      const stats = fstatSync(fd, { bigint: true });
      assertOwn(path, Number(stats.uid));
      return { fd, stats };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  } catch (error) {
    throw new AgentError("FILE_FAILED", `cannot open the log file "${path}": ${toReason(error)}`, {
      cause: error,
    });
  }
}

/**
 * The owner of the file can read and change what the agent logs, and in `/tmp` another user may have created
 * it.
 */
function assertOwn(path: string, openedUid?: number): void {
  const reason = findForeignReason(path, openedUid);
  if (reason !== undefined) throw new Error(`${reason}; remove it, or set another path with --log-file-path`);
}

function toReason(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ELOOP":
      return "it is a symbolic link, which is not followed; set the path of its target";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "permission denied; set another path with --log-file-path";
    case "EISDIR":
      return "it is a directory; set the path of a file";
    case "ENOTDIR":
    case "EEXIST":
      return "part of the path is not a directory";
    case "ENXIO":
      return "it is a pipe without a reader";
    default:
      return toMessage(error);
  }
}
