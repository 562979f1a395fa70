import { readStat } from "./proc.ts";

/** This process, its ancestors, and their sessions: they never belong to a job. */
export interface Strangers {
  readonly pids: ReadonlySet<number>;
  readonly sessions: ReadonlySet<number>;
}

/**
 * Returns the strangers, looked up again after {@link freshMs}. When one of them exits, a process of the job
 * may get its pid.
 */
export function findStrangers(): Strangers {
  const now = performance.now();
  if (last === undefined || now - last.at > freshMs) last = { at: now, strangers: readStrangers() };
  return last.strangers;
}

/**
 * The start and the end of a job call this several times within milliseconds; a pid could be reused only after
 * all others.
 */
const freshMs = 100;
let last: { readonly at: number; readonly strangers: Strangers } | undefined;

function readStrangers(): Strangers {
  const pids = new Set<number>();
  const sessions = new Set<number>([0]);
  for (let stat = readStat(process.pid); stat !== undefined; stat = readStat(stat.ppid)) {
    pids.add(stat.pid);
    sessions.add(stat.session);
  }
  return { pids, sessions };
}
