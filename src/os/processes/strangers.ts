import { readStat } from "./proc.ts";

/** This process, its ancestors, and their sessions: they never belong to a job. */
export interface Strangers {
  readonly pids: ReadonlySet<number>;
  readonly sessions: ReadonlySet<number>;
}

export function findStrangers(): Strangers {
  const pids = new Set<number>();
  const sessions = new Set<number>([0]);
  for (let stat = readStat(process.pid); stat !== undefined; stat = readStat(stat.ppid)) {
    pids.add(stat.pid);
    sessions.add(stat.session);
  }
  return { pids, sessions };
}
