import { setTimeout as sleep } from "node:timers/promises";
import type { JobGroup } from "../cgroup/job-group.ts";
import { describeProcess, type EndedProcess, type EndReport } from "./end-report.ts";
import { freezeJob } from "./freeze.ts";
import { createJobSignals, type JobSignals, signalProcess, toProcessKey } from "./job-signals.ts";
import { isAlive, type ProcessStat, readStat } from "./proc.ts";
import type { JobProcesses } from "./tree.ts";

export interface EndProcessesOptions {
  /** Milliseconds from SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /**
   * The job's shells. They are suspended first and stay suspended, so that no script continues with its next
   * line when a child ends. The caller kills them, before it closes the terminal: a hang-up would resume
   * them.
   */
  readonly hold?: readonly number[];
  /** Ends the grace period when it aborts. */
  readonly now?: AbortSignal;
}

/**
 * Ends all processes of a job. All of them are suspended before any is ended: a suspended process can neither
 * fork nor notice that a child died. Then SIGTERM and a grace period in which programs run and clean up, then
 * SIGKILL until no process is left.
 */
export async function endProcesses(job: JobProcesses, options: EndProcessesOptions): Promise<EndReport> {
  const { graceMs, now } = options;
  const hold = new Set(options.hold);
  const signals = createJobSignals(hold);
  for (const pid of hold) {
    const shell = job.includes(pid) ? readStat(pid) : undefined;
    if (shell) signalProcess(shell, "SIGSTOP");
  }
  let { targets, spared } = await freezeJob(job, signals, performance.now() + freezeMs);

  const graceEnd = performance.now() + graceMs;
  const hasGrace = () => performance.now() < graceEnd && !now?.aborted;
  while (targets.length > 0 && hasGrace()) {
    for (const process of targets) signals.end(process, "term");
    for (const process of targets) signals.resume(process);
    await untilGone(targets, graceEnd, now);
    // Processes that these started while they cleaned up have the rest of the grace period as well.
    ({ targets, spared } = await freezeJob(job, signals, performance.now() + freezeMs));
  }

  const killEnd = performance.now() + killMs;
  while (targets.length > 0 && performance.now() < killEnd) {
    for (const process of targets) signals.end(process, "kill");
    await untilGone(targets, Math.min(killEnd, performance.now() + killRoundMs));
    const deadline = Math.min(killEnd, performance.now() + freezeMs);
    ({ targets, spared } = await freezeJob(job, signals, deadline));
  }
  if (job.group && spared.length > 0) releaseSpared(job, job.group);
  const killed = job.group ? await killRefused(job.group, signals) : [];
  const report = toReport(signals, targets, spared);
  return { ...report, ended: [...report.ended, ...killed] };
}

const freezeMs = 1000;
const killRoundMs = 250;
/** Processes that do not die, or do not stop forking, are killed again for this time. */
const killMs = 5000;
const releaseRounds = 5;

/** Moves the spared processes out of the job's control group, which is killed as a whole in the end. */
function releaseSpared(job: JobProcesses, group: JobGroup): void {
  // A process that was started during a round is found in the next one.
  for (let round = 0; round < releaseRounds; round++) {
    const inside = job.find().spared.filter(({ pid }) => group.includes(pid));
    if (inside.length === 0) return;
    group.release(inside.map(({ pid }) => pid));
  }
}

/** Kills processes of other users, which this process may not signal and the job's control group ends all the same. */
async function killRefused(group: JobGroup, { refused }: JobSignals): Promise<EndedProcess[]> {
  const inside = [...refused.values()].filter((process) => isAlive(process) && group.includes(process.pid));
  if (inside.length === 0) return [];
  const reports = inside.map((process) => ({ process, report: describeProcess(process) }));
  group.kill(inside.map(({ pid }) => pid));
  await untilGone(inside, performance.now() + killRoundMs);
  return reports
    .filter(({ process }) => !isAlive(process))
    .map(({ report }) => ({ ...report, how: "kill" as const }));
}

/**
 * Waits until the processes are gone. Polls after 1 ms at first, since most programs exit at once, then every
 * 10 ms.
 */
async function untilGone(processes: readonly ProcessStat[], deadline: number, now?: AbortSignal) {
  let alive = processes;
  for (let pause = 1; ; pause = Math.min(10, pause * 2)) {
    alive = alive.filter(isAlive);
    const rest = deadline - performance.now();
    if (alive.length === 0 || rest <= 0 || now?.aborted) return;
    await sleep(Math.min(pause, rest), undefined, now && { signal: now }).catch(() => undefined);
  }
}

function toReport(
  { ended, refused }: JobSignals,
  targets: readonly ProcessStat[],
  spared: readonly ProcessStat[],
): EndReport {
  const left = [...refused.values(), ...targets].filter(isAlive);
  const leftKeys = new Set(left.map(toProcessKey));
  return {
    ended: [...ended].filter(([key]) => !leftKeys.has(key)).map(([, report]) => report),
    spared: spared.map(describeProcess),
    left: left.map(describeProcess),
  };
}
