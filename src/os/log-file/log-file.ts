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
import { type LogRotation, rotate } from "./rotate.ts";

/** The agent's log file: appended to, kept, shared by the agents of a host if they like (protocol section 8.6). */
export interface LogFile extends LoggerSink, Disposable {
  /** For whoever wants the file to be there at once, and not with the next line. */
  reopen(): void;
}

/**
 * Opens it (0644), and makes the directories that lead to it (0755). The default path lies in a directory that everybody may
 * write to, so a link there is refused. Throws `FILE_FAILED`.
 *
 * Each line goes to the file that has the path at that moment, so that whoever moves or removes the file (another writer's rotation,
 * `logrotate`, a person) need tell nobody, and no line goes to a file that is gone. What fails later is said once, on stderr, and the file before
 * stays in use.
 */
export function openLogFile(path: string, rotation: LogRotation = { maxBytes: 0, count: 0 }): LogFile {
  let file: OpenFile | undefined = open(path);
  const faults = new Set<string>();
  let rotateAfter = 0;

  /** Does it, and says a fault when the last time was none. */
  function attempt(what: string, work: () => void): boolean {
    try {
      work();
      faults.delete(what);
      return true;
    } catch (error) {
      const said = toMessage(error);
      if (!faults.has(what)) process.stderr.write(`cannot ${what} the log file "${path}": ${said}\n`);
      faults.add(what);
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

  /** The file that has the path, if that is ours. */
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
        // This also frees the lock.
        reopen();
      }
      // What was removed in the meantime is read by nobody.
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

/** The same where a log that cannot be had is no reason to stop: stderr says so, and it is `undefined`. */
export function openLogFileIfPossible(path: string, rotation?: LogRotation): LogFile | undefined {
  try {
    return openLogFile(path, rotation);
  } catch (error) {
    process.stderr.write(`${toMessage(error)}; going on without it\n`);
    return undefined;
  }
}

interface OpenFile {
  readonly fd: number;
  readonly stats: BigIntStats;
}

const maxTries = 5;
const rotateAgainMs = 60_000;

/** Pipes and devices are never full. Another user's file is that user's to put aside: a new one would be ours, and closed to its writers. */
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

// Without O_NONBLOCK a FIFO that nobody reads would hold the agent here for ever.
const flags =
  constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function open(path: string, mode = 0o644): OpenFile {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const fd = openSync(path, flags, mode);
    return { fd, stats: fstatSync(fd, { bigint: true }) };
  } catch (error) {
    throw new AgentError("FILE_FAILED", `cannot open the log file "${path}": ${toReason(error)}`, {
      cause: error,
    });
  }
}

function toReason(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ELOOP":
      return "it is a symbolic link, which is not followed; give the path that it leads to";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "this user may not write it; give another with --log-file-path";
    case "EISDIR":
      return "it is a directory; give the path of a file";
    case "ENOTDIR":
    case "EEXIST":
      return "something on the way to it is not a directory";
    case "ENXIO":
      return "it is a pipe that nobody reads";
    default:
      return toMessage(error);
  }
}
