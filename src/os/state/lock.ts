import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from "node:fs";
import { AgentError, toMessage } from "../../core/errors.ts";
import { loadLibc } from "../processes/libc.ts";
import { readStat } from "../processes/proc.ts";
import { readBootId } from "./boot-id.ts";

/** Who holds a lock. Pids repeat, in containers soon, so boot and start time stand beside it. */
export interface LockHolder {
  readonly pid: number;
  readonly bootId: string;
  /** Of the process, in ticks since the boot. */
  readonly startTime: number;
}

/** Disposal frees it; so does its holder's death. */
export interface Lock extends Disposable {
  /** Its file is still where it was: whoever else wants the lock finds it held. */
  readonly isInPlace: boolean;
}

/**
 * Takes the lock of a file. `undefined`: another process holds it. `onReadOnly`: also where nothing can be written any more, for who only wants to know that
 * there is no holder.
 */
export function takeLock(path: string, { onReadOnly = false } = {}): Lock | undefined {
  const fd = open(path, onReadOnly);
  const libc = loadLibc();
  // Without `flock` the file says who was there last, and whether it still is.
  const holder = libc ? undefined : readHolder(path);
  if (libc ? !libc.lock(fd) : holder && holder.pid !== process.pid && isRunning(holder)) {
    closeSync(fd);
    return undefined;
  }
  signIn(fd);
  let held = true;
  return {
    get isInPlace() {
      const own = fstatSync(fd);
      const there = statSync(path, { throwIfNoEntry: false });
      return there?.ino === own.ino && there.dev === own.dev;
    },
    [Symbol.dispose]() {
      if (held) closeSync(fd);
      held = false;
    },
  };
}

/** Who took this lock last. */
export function readHolder(path: string): LockHolder | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as LockHolder;
  } catch {
    return undefined;
  }
}

/** Who holds this lock, as far as its file tells; the lock is not touched. `undefined`: nobody. */
export function findHolder(path: string): LockHolder | undefined {
  const holder = readHolder(path);
  if (holder === undefined || !isRunning(holder)) return undefined;
  const startTime = readStat(holder.pid)?.startTime;
  return startTime === undefined || startTime === holder.startTime ? holder : undefined;
}

/** The lock holds without it: a full disk keeps nobody out. */
function signIn(fd: number): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, JSON.stringify(self()), 0);
  } catch {
    // Who wants to know the holder does not.
  }
}

function open(path: string, onReadOnly: boolean): number {
  const { O_RDONLY, O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
  try {
    return openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  } catch (cause) {
    if (onReadOnly && (cause as NodeJS.ErrnoException).code === "EROFS" && existsSync(path))
      return openSync(path, O_RDONLY | O_NOFOLLOW);
    throw new AgentError("FILE_FAILED", `cannot open the lock "${path}": ${toMessage(cause)}`, { cause });
  }
}

function self(): LockHolder {
  return { pid: process.pid, bootId: readBootId(), startTime: readStat(process.pid)?.startTime ?? 0 };
}

function isRunning({ pid, bootId }: LockHolder): boolean {
  if (bootId !== readBootId()) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
