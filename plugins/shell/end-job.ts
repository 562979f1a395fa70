import { setTimeout as sleep } from "node:timers/promises";
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
  type Session,
  sendSignal,
} from "signalman/terminal";

/**
 * The last output of a killed shell arrives at once; a terminal that another process still floods may never
 * be drained.
 */
const lastOutputMs = 1000;

/** Ends all processes of the job, then its shell, and logs which processes had to be ended. */
export async function endJob(options: {
  processes: JobProcesses;
  session: Session<LocalTerminal> | undefined;
  /** Pid of the job's shell; left out when it has not started. */
  shellPid: number | undefined;
  user: JobUser | undefined;
  logger: Logger;
  graceMs: number;
  now: AbortSignal;
}): Promise<void> {
  const { processes, session, shellPid, user, logger, graceMs, now } = options;
  const [shell, ...leaders] =
    session && shellPid !== undefined ? listLineage(shellPid, session.terminal.pid) : [];
  const hold = shell === undefined ? [] : [shell, ...leaders];
  const report = await endProcesses(processes, { graceMs, now, hold });
  logEndReport(report, logger);
  if (!session || shell === undefined) return;
  // The leader of the terminal was stopped too, and a command prefix with it. It reports the end of the shell
  // behind the last byte.
  sendSignal(shell, "SIGKILL");
  for (const pid of leaders) sendSignal(pid, "SIGCONT");
  await Promise.race([session.ended, sleep(lastOutputMs, undefined, { ref: false })]);
  const { pendingBytes } = session;
  if (pendingBytes > 0) logger.info("output arrived after the last command", { bytes: pendingBytes });
  await session[Symbol.asyncDispose]();
  if (user?.isExclusive) await endStrays(user, report.spared, logger);
}

/** Ends what runs as the job's own user and was not proved to be the job's, such as a program that cron has started. */
async function endStrays(user: JobUser, spared: EndReport["spared"], logger: Logger): Promise<void> {
  const pids = new Set(spared.map(({ pid }) => pid));
  const ended = await endUserProcesses(user.uid, (pid) => pids.has(pid));
  logEndReport({ ended: ended.map((each) => ({ ...each, how: "kill" })), spared: [], left: [] }, logger);
}
