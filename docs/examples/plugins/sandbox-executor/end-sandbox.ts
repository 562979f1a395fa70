import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "signalman";
import {
  endProcesses,
  type JobProcesses,
  type LocalTerminal,
  logEndReport,
  sendSignal,
  type Session,
} from "signalman/executor";

export interface EndSandboxOptions {
  readonly processes: JobProcesses;
  /** `undefined` when it was not opened. */
  readonly sandbox:
    | { readonly session: Session<LocalTerminal>; readonly pids: SandboxPids | undefined }
    | undefined;
  readonly logger: Logger;
  readonly graceMs: number;
  /** Ends the grace period early. */
  readonly now: AbortSignal;
}

/** The pids on this host of the processes that form the sandbox. Each process is the child of the next one. */
export interface SandboxPids {
  readonly shell: number;
  /** Leads the terminal inside the sandbox. */
  readonly leader: number;
  /** Process 1 of the sandbox. When it ends, the kernel ends all processes in the sandbox. */
  readonly init: number;
  /** The bubblewrap process outside of the sandbox, which leads the terminal on this host. */
  readonly outer: number;
}

/** Maximum time until the end of a killed process is noticed. */
const lastOutputMs = 1000;

/**
 * Finds the processes of a sandbox. The shell reports its pid inside the sandbox: it is the descendant of the
 * terminal's leader that has this pid one namespace deeper. Returns `undefined` when the shell has already
 * ended.
 */
export function findSandboxPids(
  processes: JobProcesses,
  session: Session<LocalTerminal>,
): SandboxPids | undefined {
  const outer = session.terminal.pid;
  const depth = readNamespacePids(outer).length + 1;
  const found = processes.find().processes;
  const shell = found.find(({ pid }) => {
    const pids = readNamespacePids(pid);
    return pids.length === depth && pids.at(-1) === session.shellPid;
  });
  const leader = found.find(({ pid }) => pid === shell?.ppid);
  return shell && leader && { shell: shell.pid, leader: leader.pid, init: leader.ppid, outer };
}

/**
 * Ends the job's programs within the grace period, while its shell is stopped, and then the sandbox with all
 * its processes.
 */
export async function endSandbox(options: EndSandboxOptions): Promise<void> {
  const { processes, sandbox, logger, graceMs, now } = options;
  const pids = sandbox?.pids;
  const hold = pids ? [pids.shell, pids.leader, pids.init, pids.outer] : [];
  // The pid of a process that has ended may belong to another process.
  const signal = (pid: number, name: NodeJS.Signals) => processes.includes(pid) && sendSignal(pid, name);
  logEndReport(await endProcesses(processes, { graceMs, now, hold }), logger);
  if (!sandbox) return;
  const { session } = sandbox;
  if (pids) {
    // The leader reports the end of the shell behind the last byte; killing process 1 then ends the sandbox.
    signal(pids.shell, "SIGKILL");
    signal(pids.leader, "SIGCONT");
    await within(session.ended);
    signal(pids.init, "SIGKILL");
    signal(pids.outer, "SIGCONT");
    await within(session.terminal.ended);
  }
  await session[Symbol.asyncDispose]();
}

/** Reads `NSpid` of /proc/<pid>/status: the pid on this host, then one for each nested namespace. */
function readNamespacePids(pid: number): number[] {
  try {
    const [, line = ""] = /^NSpid:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
    return line.split(/\s+/).map(Number);
  } catch {
    return [];
  }
}

async function within(end: Promise<void>): Promise<void> {
  await Promise.race([end, sleep(lastOutputMs, undefined, { ref: false })]);
}
