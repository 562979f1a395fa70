import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "signalman";
import {
  endProcesses,
  type JobProcesses,
  type LocalTerminal,
  sendSignal,
  type Session,
} from "signalman/terminal";

export interface EndSandboxOptions {
  readonly processes: JobProcesses;
  readonly session: Session<LocalTerminal> | undefined;
  readonly frame: Frame | undefined;
  readonly logger: Logger;
  readonly graceMs: number;
  /** Ends the rest of the grace. */
  readonly now: AbortSignal;
}

/** The processes that make the sandbox, each the child of the next, by their pids on this host. */
export interface Frame {
  readonly shell: number;
  /** Leads the shell's terminal, as far as the shell can see. */
  readonly holder: number;
  /** The sandbox's process 1: when it goes, so does everything in it. */
  readonly first: number;
  /** bubblewrap on this side, which truly leads the terminal. */
  readonly outside: number;
}

/** How long the end of what was killed may take to reach us. */
const lastWordsMs = 1000;

/**
 * The shell knows itself by its pid in the sandbox. From here it is the descendant of the terminal's leader that has this pid one namespace
 * deeper. `undefined`: it is gone already.
 */
export function findFrame(processes: JobProcesses, session: Session<LocalTerminal>): Frame | undefined {
  const outside = session.terminal.pid;
  const depth = readNamespacePids(outside).length + 1;
  const found = processes.find().processes;
  const shell = found.find(({ pid }) => {
    const pids = readNamespacePids(pid);
    return pids.length === depth && pids.at(-1) === session.shellPid;
  });
  const holder = found.find(({ pid }) => pid === shell?.ppid);
  return shell && holder && { shell: shell.pid, holder: holder.pid, first: holder.ppid, outside };
}

/** Lets the job's programs end in their grace, while its shell stands still, and then ends the sandbox with all that is in it. */
export async function endSandbox(options: EndSandboxOptions): Promise<void> {
  const { processes, session, frame, logger, graceMs, now } = options;
  const hold = frame ? [frame.shell, frame.holder, frame.first, frame.outside] : [];
  // The pid of one that has gone may be somebody else's by now.
  const signal = (pid: number, name: NodeJS.Signals) => processes.includes(pid) && sendSignal(pid, name);
  const report = await endProcesses(processes, { graceMs, now, hold });
  for (const { pid, commandLine, comm, how } of report.ended) {
    logger.info(`ended "${commandLine || comm}", which the job had left running`, { pid, how });
  }
  for (const { pid, commandLine, comm } of report.left) {
    logger.warn(`could not end "${commandLine || comm}"`, { pid });
  }
  if (!session) return;
  if (frame) {
    // What holds the terminal tells, behind the last byte, that the shell is gone; then the sandbox's first process goes, and takes all with it.
    signal(frame.shell, "SIGKILL");
    signal(frame.holder, "SIGCONT");
    await within(session.ended);
    signal(frame.first, "SIGKILL");
    signal(frame.outside, "SIGCONT");
    await within(session.terminal.ended);
  }
  await session[Symbol.asyncDispose]();
}

/** `NSpid` of /proc/<pid>/status: its pid here, then one for each namespace below. */
function readNamespacePids(pid: number): number[] {
  try {
    const [, line = ""] = /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
    return line.split(/\s+/).map(Number);
  } catch {
    return [];
  }
}

async function within(end: Promise<void>): Promise<void> {
  await Promise.race([end, sleep(lastWordsMs, undefined, { ref: false })]);
}
