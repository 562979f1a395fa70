import type { Cookie } from "../../core/contracts/executor.ts";
import type { JobGroup } from "../cgroup/job-group.ts";
import { createEvidence } from "./evidence.ts";
import { toKeepMatcher } from "./keep.ts";
import { loadLibc } from "./libc.ts";
import { isDead, listPids, type ProcessStat, readNewestPid, readStat } from "./proc.ts";
import { isReaper } from "./reaper.ts";
import { type Scan, type ScanSubject, startScan } from "./scan.ts";
import { findStrangers } from "./strangers.ts";

export interface JobProcessesOptions {
  readonly cookie: Cookie;
  /**
   * Uid of the job's user: the cookie of another user's process proves nothing. Left out: any user's counts.
   */
  readonly uid?: number | undefined;
  /** `keep-processes`: programs that are spared, with all that they started. See `keep.ts`. */
  readonly keep?: readonly string[];
  /**
   * The job was started by another process that is dead now, so processes with its cookie may be older than
   * this process.
   */
  readonly inherited?: boolean;
  /** The job's control group, if it has one. */
  readonly group?: JobGroup | undefined;
}

/** The processes of a job, as one scan of the process table found them. */
export interface FoundProcesses {
  readonly processes: readonly ProcessStat[];
  readonly spared: readonly ProcessStat[];
  /**
   * `false` when a process may have started and exited during the scan, so that its children may be missing.
   */
  readonly complete: boolean;
}

/**
 * The processes of one job. Any of these proves that a process is the job's: descent from a root; a session
 * that a process of the job leads; membership in its control group; the cookie in its environment; a proof in
 * an earlier scan; and, in a process that receives orphans, being such an orphan while no other job runs
 * here. This process and its ancestors are never included. Create it before the job starts anything.
 */
export interface JobProcesses extends Disposable {
  readonly group: JobGroup | undefined;
  /**
   * Adds a process that the job consists of (its shell), right after it was started. Roots are never spared.
   */
  addRoot(pid: number): void;
  /** Returns `true` when this process is the job's. Cheaper than a scan. */
  includes(pid: number): boolean;
  /**
   * Scans the process table for living processes. `visit` receives each one that is not spared, as soon as it
   * is found.
   */
  find(visit?: (process: ProcessStat) => void): FoundProcesses;
  /**
   * Checks only the newest processes, and returns the newest pid. This finds processes that fork and exit
   * faster than a scan takes.
   */
  findNewest(visit: (process: ProcessStat) => void): number;
}

/**
 * The jobs of this process that have not ended. While there are several, an orphan without further proof
 * belongs to none of them.
 */
const live = new Set<JobProcesses>();

/** Creates the set of a job's processes on this host. They are found when it is read. */
export function createJobProcesses(options: JobProcessesOptions): JobProcesses {
  const { cookie, inherited = false, group } = options;
  const evidence = createEvidence(cookie, options.uid);
  const isKept = toKeepMatcher(options.keep ?? []);
  const since = inherited ? 0 : (loadLibc()?.bootTicks() ?? readStat(process.pid)?.startTime ?? 0);
  const subject: ScanSubject = { evidence, isKept, since, older: new Map(), group };
  const ownsOrphans = () => !inherited && live.size === 1 && isReaper();
  let lastSpared: ReadonlySet<number> = new Set();

  const job: JobProcesses = {
    group,

    addRoot(pid) {
      const stat = readStat(pid);
      if (stat !== undefined) evidence.addRoot(stat, findStrangers());
    },

    includes(pid) {
      const strangers = findStrangers();
      if (!strangers.pids.has(pid) && group?.includes(pid)) return true;
      for (let stat = readStat(pid); stat !== undefined; stat = readStat(stat.ppid)) {
        if (strangers.pids.has(stat.pid)) return false;
        if (evidence.isKnown(stat) || evidence.isJobSession(stat.session, strangers)) return true;
        if (evidence.isProvedAlone(stat, strangers, false)) return true;
      }
      return false;
    },

    find(visit) {
      const scan = startScan(subject, ownsOrphans(), visit);
      const complete = scanTable(scan);
      scan.settle();
      const all = [...scan.processes.values()];
      evidence.remember(all);
      lastSpared = scan.spared;
      return {
        processes: all.filter(({ pid }) => !scan.spared.has(pid)),
        spared: all.filter(({ pid }) => scan.spared.has(pid)),
        complete,
      };
    },

    findNewest(visit) {
      const strangers = findStrangers();
      const orphansAreOurs = ownsOrphans();
      const newest = readNewestPid();
      for (let pid = newest; pid <= newest + 2; pid++) {
        const stat = readStat(pid);
        if (stat === undefined || isDead(stat) || stat.startTime < since || strangers.pids.has(pid)) continue;
        const isRelated =
          evidence.isKnown(stat) ||
          evidence.wasProved(stat.ppid) ||
          evidence.isJobSession(stat.session, strangers) ||
          group?.includes(pid);
        if (!isRelated && !evidence.isProvedAlone(stat, strangers, orphansAreOurs)) continue;
        if (!lastSpared.has(stat.ppid) && !lastSpared.has(stat.session) && !isKept?.(stat)) visit(stat);
      }
      return newest;
    },

    [Symbol.dispose]: () => void live.delete(job),
  };
  live.add(job);
  return job;
}

/**
 * Reads all processes, including those that start meanwhile. Returns `false` when one may have started and
 * exited undetected.
 */
function scanTable(scan: Scan): boolean {
  const before = readNewestPid();
  for (const pid of listPids()) scan.look(pid);
  const newest = readNewestPid();
  if (newest === before) return true;
  // A process that forked and exited has left a zombie here, if this process receives orphans.
  if (!isReaper() || newest < before || newest - before >= newPidsLimit) return false;
  for (let pid = before + 1; pid <= newest; pid++) {
    const stat = scan.look(pid);
    if (stat?.ppid === process.pid && isDead(stat)) return false;
  }
  return true;
}

const newPidsLimit = 1000;
