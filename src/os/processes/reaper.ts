import { loadLibc } from "./libc.ts";
import { isDead, listPids, type ProcessStat, readStat } from "./proc.ts";

/** From now on the orphans of whatever we start become our children, so that they can be found. `false` when the system cannot. */
export function becomeSubReaper(): boolean {
  return loadLibc()?.setSubReaper() ?? false;
}

/** `true` when orphans become our children: we are PID 1 of a container, or a sub-reaper. */
export function isReaper(): boolean {
  return process.pid === 1 || (loadLibc()?.isSubReaper() ?? false);
}

export interface ReaperOptions {
  /** Children that are never touched. Those that Bun started need not be named: it takes them as soon as they end. */
  readonly except?: () => Iterable<number>;
}

/**
 * Takes away the orphans that ended as our children, which nobody else does: without it PID 1 of a container fills the process
 * table. A zombie is taken once it is older than a second. Does nothing where no orphans come to us. Call after {@link becomeSubReaper}.
 */
export function startReaper(options: ReaperOptions = {}): Disposable {
  const libc = loadLibc();
  if (libc === undefined || !isReaper()) return { [Symbol.dispose]: () => undefined };

  /** Zombies by pid: which one, and when it was first seen. */
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

/** Bun takes its own children at once, in the event loop; between two sweeps this far apart the loop has turned. */
const minAgeMs = 1000;
const intervalMs = 500;

interface Waiting {
  readonly startTime: number;
  readonly since: number;
}

function ownZombies(): ProcessStat[] {
  return listPids().flatMap((pid) => {
    const stat = readStat(pid);
    return stat?.ppid === process.pid && isDead(stat) ? [stat] : [];
  });
}
