import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "signalman";
import {
  endProcesses,
  type JobProcesses,
  type LocalTerminal,
  type Session,
  sendSignal,
} from "signalman/terminal";

/** The last output of a killed shell is there at once; a terminal that somebody else still floods may never be empty. */
const lastOutputMs = 1000;

/** Ends all that the job started, then its shell, and says in the agent's log what had to be ended. */
export async function endJob(options: {
  processes: JobProcesses;
  session: Session<LocalTerminal> | undefined;
  logger: Logger;
  graceMs: number;
  now: AbortSignal;
}): Promise<void> {
  const { processes, session, logger, graceMs, now } = options;
  const hold = session ? [session.shellPid, session.terminal.pid] : [];
  const report = await endProcesses(processes, { graceMs, now, hold });
  for (const { pid, commandLine, comm, how } of report.ended) {
    logger.info(`ended "${commandLine || comm}", which the job had left running`, { pid, how });
  }
  for (const { pid, commandLine, comm } of report.spared) {
    logger.info(`left "${commandLine || comm}" running: keep-processes names it`, { pid });
  }
  for (const { pid, commandLine, comm, uid } of report.left) {
    const isForeign = uid !== undefined && process.getuid !== undefined && uid !== process.getuid();
    const why = isForeign ? ": it runs as another user, and this one may not signal it" : "";
    logger.warn(`could not end "${commandLine || comm}", which the job had left running${why}`, { pid, uid });
  }
  if (!session) return;
  // The holder was stopped too. It tells, behind the last byte, that the shell is gone.
  sendSignal(session.shellPid, "SIGKILL");
  sendSignal(session.terminal.pid, "SIGCONT");
  await Promise.race([session.ended, sleep(lastOutputMs, undefined, { ref: false })]);
  const { pendingBytes } = session;
  if (pendingBytes > 0) logger.info("output came after the last command", { bytes: pendingBytes });
  await session[Symbol.asyncDispose]();
}
