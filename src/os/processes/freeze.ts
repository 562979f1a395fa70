import { setTimeout as sleep } from "node:timers/promises";
import type { JobSignals } from "./job-signals.ts";
import type { ProcessStat } from "./proc.ts";
import type { JobProcesses } from "./tree.ts";

/** A job whose processes are all suspended. */
export interface FrozenJob {
  /** The processes to end. */
  readonly targets: readonly ProcessStat[];
  /** Processes that `keep-processes` spares; they run. */
  readonly spared: readonly ProcessStat[];
}

/**
 * Suspends the processes of a job until scans find no new one, or the deadline (`performance.now()`) has
 * passed. Those of its control group are frozen meanwhile, so that none of them starts another one unseen.
 */
export async function freezeJob(
  job: JobProcesses,
  signals: JobSignals,
  deadline: number,
): Promise<FrozenJob> {
  await job.group?.freeze();
  try {
    return await suspendAll(job, signals, deadline);
  } finally {
    // A signal that a frozen process received takes effect now.
    job.group?.thaw();
  }
}

async function suspendAll(job: JobProcesses, signals: JobSignals, deadline: number): Promise<FrozenJob> {
  for (let quietScans = 0; ;) {
    let suspended = 0;
    const visit = (process: ProcessStat) => {
      if (signals.suspend(process)) suspended++;
    };
    const { processes, spared, complete } = job.find(visit);
    if (!complete) chaseNewest(job, visit);
    for (const process of spared) signals.resume(process);
    quietScans = suspended > 0 ? 0 : quietScans + 1;
    if (quietScans >= (complete ? 1 : quietScansNeeded) || performance.now() > deadline) {
      return { targets: processes.filter(signals.isTarget), spared };
    }
    await sleep(0);
  }
}

/** Follows processes that fork and exit faster than a scan takes, until no new one appears. */
function chaseNewest(job: JobProcesses, visit: (process: ProcessStat) => void): void {
  const start = performance.now();
  let newest = 0;
  let changedAt = start;
  for (let now = start; now - changedAt < chaseQuietMs && now - start < chaseMs; now = performance.now()) {
    const before = newest;
    newest = job.findNewest(visit);
    if (newest !== before) changedAt = now;
  }
}

/** Number of scans that must find nothing new while other processes of the host start and exit. */
const quietScansNeeded = 2;
/** A chase ends when no process was started for this time, or after the second time. */
const chaseQuietMs = 3;
const chaseMs = 15;
