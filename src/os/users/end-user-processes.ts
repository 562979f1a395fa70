import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessReport } from "../processes/end-report.ts";
import { toProcessKey } from "../processes/job-signals.ts";
import { isAlive, isDead, listPids, readStat } from "../processes/proc.ts";
import { sendSignal } from "../processes/send-signal.ts";

/**
 * Kills every process of a user, until none is left. Returns those that were found, the first time that they
 * were seen. `isSpared` decides on processes that go on running.
 */
export async function endUserProcesses(
  uid: number,
  isSpared: (pid: number) => boolean = () => false,
): Promise<readonly ProcessReport[]> {
  if (!(uid > 0)) return [];
  const ended = new Map<string, ProcessReport>();
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = listPids().flatMap((pid) => {
      const stat = readsAs(pid, uid) && !isSpared(pid) ? readStat(pid) : undefined;
      return stat === undefined || isDead(stat) ? [] : [stat];
    });
    // Suspended processes fork no more, so that the second round finds all of them.
    for (const stat of found) if (isAlive(stat)) sendSignal(stat.pid, "SIGSTOP");
    for (const stat of found) {
      // The command line is in the memory of the process, which can make its readers wait.
      ended.set(toProcessKey(stat), { pid: stat.pid, comm: stat.comm, commandLine: "", uid });
      if (isAlive(stat)) sendSignal(stat.pid, "SIGKILL");
    }
    if (found.length === 0 || performance.now() > deadline) return [...ended.values()];
    await sleep(pauseMs);
  }
}

const limitMs = 5000;
const pauseMs = 2;

/** Whether the process runs with the real or the effective uid. */
function readsAs(pid: number, uid: number): boolean {
  try {
    const [, real, effective] =
      /^Uid:\t(\d+)\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
    return Number(real) === uid || Number(effective) === uid;
  } catch {
    return false;
  }
}
