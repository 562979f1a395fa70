import { loadLibc } from "./libc.ts";
import { isDead, listPids, type ProcessStat, readStat } from "./proc.ts";

/**
 * Makes orphaned descendants children of this process, so that they can be found. `false` when the system
 * does not support it.
 */
export function becomeSubReaper(): boolean {
  return loadLibc()?.setSubReaper() ?? false;
}

/**
 * Returns `true` when orphans become children of this process: it is PID 1 of a container, or a sub-reaper.
 */
export function isReaper(): boolean {
  return process.pid === 1 || (loadLibc()?.isSubReaper() ?? false);
}

export interface ReaperOptions {
  /**
   * Children that are never reaped. Children of Bun need not be listed: Bun reaps them as soon as they exit.
   */
  readonly except?: () => Iterable<number>;
}

/**
 * Reaps the orphans that exit as children of this process; otherwise PID 1 of a container would fill the
 * process table. A zombie is reaped when it is older than a second. Does nothing in a process that receives
 * no orphans. Call it after {@link becomeSubReaper}.
 */
export function startReaper(options: ReaperOptions = {}): Disposable {
  const libc = loadLibc();
  if (libc === undefined || !isReaper()) return { [Symbol.dispose]: () => undefined };

  /** Zombies by pid. */
  let waiting = new Map<number, Waiting>();
  const sweep = () => {
    if (!libc.hasZombie()) return waiting.clear();
    const now = performance.now();
    const except = new Set(options.except?.());
    const still: typeof waiting = new Map();
    for (const { pid, startTime } of ownZombies()) {
      if (except.has(pid)) continue;
      const before = waiting.get(pid);
      const since = before !== undefined && before.startTime === startTime ? before.since : now;
      if (now - since < minAgeMs || !libc.reap(pid)) still.set(pid, { startTime, since });
    }
    waiting = still;
  };
  const timer = setInterval(sweep, intervalMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Bun reaps its own children in the event loop, which has run between two sweeps this far apart. */
const minAgeMs = 1000;
const intervalMs = 500;

interface Waiting {
  readonly startTime: number;
  /** When the zombie was first seen (`performance.now()`). */
  readonly since: number;
}

function ownZombies(): ProcessStat[] {
  return listPids().flatMap((pid) => {
    const stat = readStat(pid);
    return stat?.ppid === process.pid && isDead(stat) ? [stat] : [];
  });
}
