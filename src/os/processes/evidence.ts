import type { Cookie } from "../../core/contracts/executor.ts";
import { hasCookie } from "./cookie.ts";
import { isDead, type ProcessStat, readEnviron, readStat, readUid } from "./proc.ts";
import type { Strangers } from "./strangers.ts";

/** The evidence that processes belong to a job, collected while the job runs. */
export interface Evidence {
  addRoot(root: ProcessStat, strangers: Strangers): void;
  isRoot(stat: ProcessStat): boolean;
  /** Whether the process is a root, or the last scan proved that it is the job's. */
  isKnown(stat: ProcessStat): boolean;
  /** Whether the last scan proved that this pid was the job's. */
  wasProved(pid: number): boolean;
  isJobSession(session: number, strangers: Strangers): boolean;
  /** Learns from a process of the job that its session is the job's. */
  learnSession(member: ProcessStat, strangers: Strangers): void;
  /**
   * Whether the process alone proves that it is the job's: by the cookie in its environment, or, if
   * `ownsOrphans`, because it was orphaned and came to this process.
   */
  isProvedAlone(stat: ProcessStat, strangers: Strangers, ownsOrphans: boolean): boolean;
  /**
   * Replaces the result of the last scan. The proof remains valid when a parent dies or the environment is
   * cleared.
   */
  remember(processes: readonly ProcessStat[]): void;
}

/** `uid`: only the cookie of this user's processes counts. */
export function createEvidence(cookie: Cookie, uid?: number): Evidence {
  /** Pid → start time. */
  const roots = new Map<number, number>();
  let proved = new Map<number, number>();
  /** Session → start time of its leader; -1 when the leader was gone already. */
  const sessions = new Map<number, number>();

  const isRoot = ({ pid, startTime }: ProcessStat) => roots.get(pid) === startTime;

  function learnSession(member: ProcessStat, strangers: Strangers): void {
    const { pid, session, startTime } = member;
    if (session === pid) sessions.set(session, startTime);
    else if (session > 0 && !strangers.sessions.has(session) && !sessions.has(session)) {
      // A dead leader was a descendant of a root as well; otherwise the session would be a stranger's.
      const leader = readStat(session);
      if (leader === undefined || isDead(leader)) sessions.set(session, leader?.startTime ?? -1);
    }
  }

  return {
    addRoot(root, strangers) {
      roots.set(root.pid, root.startTime);
      learnSession(root, strangers);
    },
    isRoot,
    isKnown: (stat) => proved.get(stat.pid) === stat.startTime || isRoot(stat),
    wasProved: (pid) => proved.has(pid),
    isJobSession(session, strangers) {
      const startTime = sessions.get(session);
      if (startTime === undefined || strangers.sessions.has(session)) return false;
      const leader = readStat(session);
      return leader === undefined || leader.startTime === startTime;
    },
    learnSession,
    isProvedAlone(stat, strangers, ownsOrphans) {
      const environ = uid === undefined || readUid(stat.pid) === uid ? readEnviron(stat.pid) : undefined;
      if (environ !== undefined && hasCookie(environ, cookie)) return true;
      // An orphan's cookie disproves nothing: a job can give it any, also that of another job.
      return ownsOrphans && stat.ppid === process.pid && !strangers.sessions.has(stat.session);
    },
    remember(processes) {
      proved = new Map(processes.map(({ pid, startTime }) => [pid, startTime]));
    },
  };
}
