import { waitAtMost } from "signalman";
import type { Logger } from "signalman";
import {
  endProcesses,
  type EndReport,
  endUserProcesses,
  type JobProcesses,
  type JobUser,
  listLineage,
  type LocalTerminal,
  logEndReport,
  logUnshownOutput,
  type Session,
  sendSignal,
} from "signalman/executor";

/**
 * The last output of a killed shell arrives at once; a terminal that another process still floods may never
 * be drained.
 */
const lastOutputMs = 1000;

export interface EndJobOptions {
  readonly processes: JobProcesses;
  /** The job's shell; `undefined` when it has not started. */
  readonly shell: { readonly session: Session<LocalTerminal>; readonly shellPid: number } | undefined;
  readonly user: JobUser | undefined;
  readonly logger: Logger;
  readonly graceMs: number;
  /** Ends the grace period early. */
  readonly now: AbortSignal;
}

/**
 * Ends all processes of the job, then its shell, logs which processes had to be ended, and removes the job's
 * control group with whatever is left in it.
 */
export async function endJob(options: EndJobOptions): Promise<void> {
  const { processes, user, logger } = options;
  const { spared } = await endShell(options);
  if (user?.isExclusive) await endStrays(user, spared, logger);
  const left = (await processes.group?.remove()) ?? [];
  if (left.length > 0) logger.warn("the job's control group still has processes", { pids: left.join() });
}

async function endShell(options: EndJobOptions): Promise<EndReport> {
  const { processes, shell, logger, graceMs, now } = options;
  const hold = shell ? listLineage(shell.shellPid, shell.session.terminal.pid) : [];
  const report = await endProcesses(processes, { graceMs, now, hold });
  logEndReport(report, logger);
  if (!shell) return report;
  const { session } = shell;
  const [shellPid, ...leaders] = hold;
  // The leader of the terminal was stopped too, and a command prefix with it. It reports the end of the shell
  // behind the last byte.
  if (shellPid !== undefined) sendSignal(shellPid, "SIGKILL");
  for (const pid of leaders) sendSignal(pid, "SIGCONT");
  await waitAtMost(session.ended, lastOutputMs);
  logUnshownOutput(session, logger);
  await session[Symbol.asyncDispose]();
  return report;
}

/** Ends all other processes of the job's own user, such as one that cron has started. */
async function endStrays(user: JobUser, spared: EndReport["spared"], logger: Logger): Promise<void> {
  const pids = new Set(spared.map(({ pid }) => pid));
  const ended = await endUserProcesses(user.uid, (pid) => pids.has(pid));
  logEndReport({ ended: ended.map((each) => ({ ...each, how: "kill" })), spared: [], left: [] }, logger);
}
