import type { JobGroup } from "../cgroup/job-group.ts";
import type { Evidence } from "./evidence.ts";
import type { KeepMatcher } from "./keep.ts";
import { isDead, type ProcessStat, readStat } from "./proc.ts";
import { findStrangers } from "./strangers.ts";

/** The facts about a job that a scan needs. */
export interface ScanSubject {
  readonly evidence: Evidence;
  readonly isKept: KeepMatcher | undefined;
  /** Start time of the job in ticks: older processes are not the job's. */
  readonly since: number;
  /**
   * Older processes: pid → until when (`performance.now()`) they are skipped without being read again, which
   * makes a second scan cheap. It outlives the scan.
   */
  readonly older: Map<number, number>;
  readonly group: JobGroup | undefined;
}

/** One scan of the process table for the processes of a job. */
export interface Scan {
  readonly processes: ReadonlyMap<number, ProcessStat>;
  /** Pids of the processes that `keep-processes` spares. */
  readonly spared: ReadonlySet<number>;
  /**
   * Reads one process and decides whether it is the job's. `undefined` when it is gone or was decided before.
   */
  look(pid: number): ProcessStat | undefined;
  /** Decides on the processes whose parent or session was found after them. */
  settle(): void;
}

/** `visit` receives each process that is not spared as soon as it is found. */
export function startScan(
  { evidence, isKept, since, older, group }: ScanSubject,
  ownsOrphans: boolean,
  visit: ((process: ProcessStat) => void) | undefined,
): Scan {
  const strangers = findStrangers();
  const members = new Set(group?.pids());
  const now = performance.now();
  const undecided: ProcessStat[] = [];
  const found = new Map<number, ProcessStat>();
  const spared = new Set<number>();

  const isRelated = (stat: ProcessStat) =>
    members.has(stat.pid) ||
    evidence.isKnown(stat) ||
    found.has(stat.ppid) ||
    evidence.isJobSession(stat.session, strangers);
  const descendsFromSpared = (stat: ProcessStat) =>
    !evidence.isRoot(stat) && (spared.has(stat.ppid) || spared.has(stat.session));
  const add = (stat: ProcessStat) => {
    found.set(stat.pid, stat);
    evidence.learnSession(stat, strangers);
    if (descendsFromSpared(stat) || (isKept?.(stat) && !evidence.isRoot(stat))) spared.add(stat.pid);
    else visit?.(stat);
  };

  return {
    processes: found,
    spared,
    look(pid) {
      if (strangers.pids.has(pid) || found.has(pid) || (older.get(pid) ?? 0) > now) return undefined;
      const stat = readStat(pid);
      if (stat === undefined || isDead(stat)) return stat;
      if (stat.startTime < since) older.set(pid, now + olderMs);
      else if (isRelated(stat) || evidence.isProvedAlone(stat, strangers, ownsOrphans)) add(stat);
      else undecided.push(stat);
      return stat;
    },
    settle() {
      for (let size = -1; size !== found.size;) {
        size = found.size;
        for (const stat of undecided) if (!found.has(stat.pid) && isRelated(stat)) add(stat);
      }
      for (let size = 0; size !== spared.size;) {
        size = spared.size;
        for (const stat of found.values()) if (descendsFromSpared(stat)) spared.add(stat.pid);
      }
    },
  };
}

const olderMs = 250;
