import { closeSync, fstatSync, ftruncateSync, writeSync } from "node:fs";
import { AgentError, toMessage } from "../../core/errors.ts";
import { loadLibc } from "../processes/libc.ts";
import { isDead, readStat } from "../processes/proc.ts";
import { readBootId } from "./boot-id.ts";
import { findEntry, openStateFile, readStateText } from "./file.ts";

/**
 * The process that holds a lock. Pids are reused, in containers soon, so boot and start time complete the
 * identity.
 */
export interface LockHolder {
  readonly pid: number;
  readonly bootId: string;
  /** Start time of the process, in ticks since the boot. */
  readonly startTime: number;
}

/** A lock that is held. Disposal releases it, as does the death of the holder. */
export interface Lock extends Disposable {
  /** Whether the lock's file still has its path, so that other processes find it locked. */
  readonly isInPlace: boolean;
}

/**
 * Takes the lock of a file; `undefined` when another process holds it. With `onReadOnly` also on a read-only
 * disk, for callers that only need to know that there is no holder.
 */
export function takeLock(path: string, { onReadOnly = false } = {}): Lock | undefined {
  const fd = open(path, onReadOnly);
  const libc = loadLibc();
  // Without `flock`, the file names the last holder, which may still run.
  const holder = libc ? undefined : readHolder(path);
  if (libc ? !libc.lock(fd) : holder && holder.pid !== process.pid && isRunning(holder)) {
    closeSync(fd);
    return undefined;
  }
  writeHolder(fd);
  let held = true;
  return {
    get isInPlace() {
      const own = fstatSync(fd);
      const there = findEntry(path);
      return there?.ino === own.ino && there.dev === own.dev;
    },
    [Symbol.dispose]() {
      if (held) closeSync(fd);
      held = false;
    },
  };
}

/** Returns the process that took the lock last. */
export function readHolder(path: string): LockHolder | undefined {
  try {
    const holder: unknown = JSON.parse(readStateText(path, maxHolderBytes));
    return isHolder(holder) ? holder : undefined;
  } catch {
    return undefined;
  }
}

const maxHolderBytes = 4096;

function isHolder(value: unknown): value is LockHolder {
  const { pid, bootId, startTime } = Object(value) as Partial<Record<keyof LockHolder, unknown>>;
  return (
    Number.isSafeInteger(pid) &&
    Number(pid) > 0 &&
    typeof bootId === "string" &&
    typeof startTime === "number"
  );
}

/**
 * Returns the process that holds the lock according to its file, without touching the lock. `undefined` when
 * there is none.
 */
export function findHolder(path: string): LockHolder | undefined {
  const holder = readHolder(path);
  if (holder === undefined || !isRunning(holder)) return undefined;
  const stat = readStat(holder.pid);
  if (stat === undefined) return holder;
  return stat.startTime === holder.startTime && !isDead(stat) ? holder : undefined;
}

/** Writes the holder into the file. The lock is valid without it, so that a full disk does not matter. */
function writeHolder(fd: number): void {
  try {
    ftruncateSync(fd);
    writeSync(fd, JSON.stringify(self()), 0);
  } catch {
    // The holder remains unknown to others.
  }
}

function open(path: string, onReadOnly: boolean): number {
  try {
    return openStateFile(path, "lock");
  } catch (cause) {
    if (onReadOnly && (cause as NodeJS.ErrnoException).code === "EROFS" && findEntry(path))
      return openStateFile(path, "read");
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
