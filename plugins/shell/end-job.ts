import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "signalman";
import {
  endProcesses,
  type JobProcesses,
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

export interface EndJobOptions {
  readonly processes: JobProcesses;
  readonly session: Session<LocalTerminal> | undefined;
  readonly logger: Logger;
  readonly graceMs: number;
  /** Ends the grace period early. */
  readonly now: AbortSignal;
}

/**
 * Ends all processes of the job, then its shell, logs which processes had to be ended, and removes the job's control group with whatever is
 * left in it.
 */
export async function endJob(options: EndJobOptions): Promise<void> {
  await endShell(options);
  const { processes, logger } = options;
  const left = (await processes.group?.remove()) ?? [];
  if (left.length > 0) logger.warn("the job's control group still has processes", { pids: left.join() });
}

async function endShell({ processes, session, logger, graceMs, now }: EndJobOptions): Promise<void> {
  const [shell, ...leaders] = session ? listLineage(session.shellPid, session.terminal.pid) : [];
  const hold = shell === undefined ? [] : [shell, ...leaders];
  logEndReport(await endProcesses(processes, { graceMs, now, hold }), logger);
  if (!session || shell === undefined) return;
  // The leader of the terminal was stopped too, and a command prefix with it. It reports the end of the shell
  // behind the last byte.
  sendSignal(shell, "SIGKILL");
  for (const pid of leaders) sendSignal(pid, "SIGCONT");
  await Promise.race([session.ended, sleep(lastOutputMs, undefined, { ref: false })]);
  const { pendingBytes } = session;
  if (pendingBytes > 0) logger.info("output arrived after the last command", { bytes: pendingBytes });
  await session[Symbol.asyncDispose]();
}
