import type { Cookie } from "../../core/contracts/executor.ts";
import { hasAnyCookie, hasCookie } from "./cookie.ts";
import { toKeepMatcher } from "./keep.ts";
import { loadLibc } from "./libc.ts";
import { isDead, listPids, type ProcessStat, readEnviron, readNewestPid, readStat } from "./proc.ts";
import { isReaper } from "./reaper.ts";

export interface JobProcessesOptions {
  readonly cookie: Cookie;
  /** `keep-processes`: programs that are spared with all that they started. See `keep.ts`. */
  readonly keep?: readonly string[];
  /** The job was started by another process, now dead: what carries the cookie may be older than we are. */
  readonly inherited?: boolean;
}

/** What a job started, as one look at the process table shows it. */
export interface FoundProcesses {
  readonly processes: readonly ProcessStat[];
  readonly spared: readonly ProcessStat[];
  /** `false` when a process may have come and gone while we looked: what it started may have been missed. */
  readonly complete: boolean;
}

/**
 * The processes of one job, by whatever proves that they are its: descent from a root, a session that one of them leads, the
 * cookie in the environment, an earlier proof; and, where orphans come to us, having come to us while no other job was alive. Never
 * ourselves, nor an ancestor of ours. Create it before the job starts anything.
 */
export interface JobProcesses extends Disposable {
  /** Names a process that the job consists of (its shell), right after it was started. Roots are never spared. */
  addRoot(pid: number): void;
  /** `true` when this process is the job's. Cheaper than to look at all of them. */
  includes(pid: number): boolean;
  /** Living processes only. `visit` sees each one that is not spared at once, while the look still goes on. */
  find(visit?: (process: ProcessStat) => void): FoundProcesses;
  /**
   * Looks only at what was started a moment ago. What forks and exits faster than a whole look takes is found nowhere else. Gives
   * back the newest pid.
   */
  findNewest(visit: (process: ProcessStat) => void): number;
}

/** Jobs of this process that have not ended. While there are several, an orphan that nothing else proves is nobody's. */
const live = new Set<JobProcesses>();

export function createJobProcesses(options: JobProcessesOptions): JobProcesses {
  const { cookie, inherited = false } = options;
  const isKept = toKeepMatcher(options.keep ?? []);
  /** What is older than the job cannot be its. */
  const since = inherited ? 0 : (loadLibc()?.bootTicks() ?? readStat(process.pid)?.startTime ?? 0);
  const roots = new Map<number, number>();
  /** What the last look proved, by pid and start time: it stays proved when its parent dies or its environment is cleared. */
  let proved = new Map<number, number>();
  let lastSpared: ReadonlySet<number> = new Set();
  /** Sessions that are the job's, with the start time of their leader; -1 when the leader was already gone. */
  const sessions = new Map<number, number>();
  /** Processes that are too old, and until when we believe it: not looking again makes the second look cheap. */
  const older = new Map<number, number>();

  const isRoot = ({ pid, startTime }: ProcessStat) => roots.get(pid) === startTime;
  const isKnown = (stat: ProcessStat) => proved.get(stat.pid) === stat.startTime || isRoot(stat);

  function isOurSession(session: number, strangers: Strangers): boolean {
    const startTime = sessions.get(session);
    if (startTime === undefined || strangers.sessions.has(session)) return false;
    const leader = readStat(session);
    return leader === undefined || leader.startTime === startTime;
  }

  function learnSession(member: ProcessStat, strangers: Strangers): void {
    const { pid, session, startTime } = member;
    if (session === pid) sessions.set(session, startTime);
    else if (session > 0 && !strangers.sessions.has(session) && !sessions.has(session)) {
      // A dead leader descended from a root as well, or the session would be a stranger's.
      const leader = readStat(session);
      if (leader === undefined || isDead(leader)) sessions.set(session, leader?.startTime ?? -1);
    }
  }

  /** `alone`: orphans that came to us can only be this job's. */
  function isProvedAlone(stat: ProcessStat, strangers: Strangers, alone: boolean): boolean {
    const environ = readEnviron(stat.pid);
    if (environ !== undefined && hasCookie(environ, cookie)) return true;
    if (!alone || stat.ppid !== process.pid || strangers.sessions.has(stat.session)) return false;
    return environ === undefined || !hasAnyCookie(environ);
  }

  const job: JobProcesses = {
    addRoot(pid) {
      const stat = readStat(pid);
      if (stat === undefined) return;
      roots.set(pid, stat.startTime);
      learnSession(stat, findStrangers());
    },

    includes(pid) {
      const strangers = findStrangers();
      for (let stat = readStat(pid); stat !== undefined; stat = readStat(stat.ppid)) {
        if (strangers.pids.has(stat.pid)) return false;
        if (isKnown(stat) || isOurSession(stat.session, strangers)) return true;
        if (isProvedAlone(stat, strangers, false)) return true;
      }
      return false;
    },

    find(visit) {
      const strangers = findStrangers();
      const reaper = isReaper();
      const alone = !inherited && live.size === 1 && reaper;
      const now = performance.now();
      const others: ProcessStat[] = [];
      const ours = new Map<number, ProcessStat>();
      const spared = new Set<number>();

      const isRelated = (stat: ProcessStat) =>
        isKnown(stat) || ours.has(stat.ppid) || isOurSession(stat.session, strangers);
      const isOfSpared = (stat: ProcessStat) =>
        !isRoot(stat) && (spared.has(stat.ppid) || spared.has(stat.session));
      const take = (stat: ProcessStat) => {
        ours.set(stat.pid, stat);
        learnSession(stat, strangers);
        if (isOfSpared(stat) || (isKept?.(stat) && !isRoot(stat))) spared.add(stat.pid);
        else visit?.(stat);
      };

      const look = (pid: number): ProcessStat | undefined => {
        if (strangers.pids.has(pid) || ours.has(pid) || (older.get(pid) ?? 0) > now) return undefined;
        const stat = readStat(pid);
        if (stat === undefined || isDead(stat)) return stat;
        if (stat.startTime < since) older.set(pid, now + believeMs);
        else if (isRelated(stat) || isProvedAlone(stat, strangers, alone)) take(stat);
        else others.push(stat);
        return stat;
      };

      const before = readNewestPid();
      for (const pid of listPids()) look(pid);
      // What was started in the meantime. A process that forked and exited again has left us its zombie, if orphans come to us.
      const newest = readNewestPid();
      let complete = newest === before || (reaper && newest > before && newest - before < tailLimit);
      for (let pid = before + 1; complete && pid <= newest; pid++) {
        const stat = look(pid);
        if (stat?.ppid === process.pid && isDead(stat)) complete = false;
      }
      // Children that stand before their parents in the table, and sessions that were learnt late.
      for (let size = -1; size !== ours.size;) {
        size = ours.size;
        for (const stat of others) if (!ours.has(stat.pid) && isRelated(stat)) take(stat);
      }
      for (let size = 0; size !== spared.size;) {
        size = spared.size;
        for (const stat of ours.values()) if (isOfSpared(stat)) spared.add(stat.pid);
      }

      const all = [...ours.values()];
      proved = new Map(all.map(({ pid, startTime }) => [pid, startTime]));
      lastSpared = spared;
      return {
        processes: all.filter(({ pid }) => !spared.has(pid)),
        spared: all.filter(({ pid }) => spared.has(pid)),
        complete,
      };
    },

    findNewest(visit) {
      const strangers = findStrangers();
      const alone = !inherited && live.size === 1 && isReaper();
      const newest = readNewestPid();
      for (let pid = newest; pid <= newest + 2; pid++) {
        const stat = readStat(pid);
        if (stat === undefined || isDead(stat) || stat.startTime < since || strangers.pids.has(pid)) continue;
        const related = isKnown(stat) || proved.has(stat.ppid) || isOurSession(stat.session, strangers);
        if (!related && !isProvedAlone(stat, strangers, alone)) continue;
        if (!lastSpared.has(stat.ppid) && !lastSpared.has(stat.session) && !isKept?.(stat)) visit(stat);
      }
      return newest;
    },

    [Symbol.dispose]: () => void live.delete(job),
  };
  live.add(job);
  return job;
}

const believeMs = 250;
const tailLimit = 1000;

/** We and our ancestors, and the sessions that are theirs: never a job's. */
interface Strangers {
  readonly pids: ReadonlySet<number>;
  readonly sessions: ReadonlySet<number>;
}

function findStrangers(): Strangers {
  const pids = new Set<number>();
  const sessions = new Set<number>([0]);
  for (let stat = readStat(process.pid); stat !== undefined; stat = readStat(stat.ppid)) {
    pids.add(stat.pid);
    sessions.add(stat.session);
  }
  return { pids, sessions };
}
