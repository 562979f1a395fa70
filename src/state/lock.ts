import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { AgentError, toMessage } from "../errors.ts";
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

/** Takes the lock of a file, which its holder's death frees. `undefined`: another process holds it. */
export function takeLock(path: string): Disposable | undefined {
  const fd = open(path);
  const libc = loadLibc();
  // Without `flock` the file says who was there last, and whether it still is.
  const holder = libc ? undefined : readHolder(path);
  if (libc ? !libc.lock(fd) : holder && holder.pid !== process.pid && isRunning(holder)) {
    closeSync(fd);
    return undefined;
  }
  const text = JSON.stringify(self());
  ftruncateSync(fd);
  writeSync(fd, text, 0);
  let held = true;
  return {
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

function open(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (cause) {
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
