import { setTimeout as sleep } from "node:timers/promises";
import { isAlive, type ProcessStat, readArguments, readStat, readUid } from "./proc.ts";
import type { JobProcesses } from "./tree.ts";

export interface EndProcessesOptions {
  /** How long a program that was asked to end (SIGTERM) has, before it is killed. */
  readonly graceMs: number;
  /**
   * The job's shells. They are stopped first and stay stopped, so that no script goes on to its next line when a child of it ends.
   * They are not ended here: the caller kills them (SIGKILL, before the terminal is closed: a hang-up would wake them).
   */
  readonly hold?: readonly number[];
  /** Ends the rest of the grace. Aborted from the start: kill at once. */
  readonly now?: AbortSignal;
  /** How long to go on killing what does not die or does not stop forking. Default 5 s. */
  readonly killMs?: number;
}

/** A process as the agent's log names it. */
export interface ProcessReport {
  readonly pid: number;
  readonly comm: string;
  /** Not more than 200 characters; empty when it could no longer be read. */
  readonly commandLine: string;
  readonly uid: number | undefined;
}

export interface EndedProcess extends ProcessReport {
  /** `term`: it ended by itself when asked to; `kill`: it had to be killed. */
  readonly how: "term" | "kill";
}

export interface EndReport {
  /** What was signalled and is gone. */
  readonly ended: readonly EndedProcess[];
  /** What `keep-processes` spares. */
  readonly spared: readonly ProcessReport[];
  /** What still lives: another user's (we may not signal it), or stuck in the kernel. */
  readonly left: readonly ProcessReport[];
}

/**
 * Ends all that a job started. Everything is stopped before anything is told to end: what is stopped cannot fork, nor see its child
 * die. Then SIGTERM and a grace in which programs run and clean up, then SIGKILL until nothing is left.
 */
export async function endProcesses(job: JobProcesses, options: EndProcessesOptions): Promise<EndReport> {
  const { graceMs, now, killMs = 5000 } = options;
  const hold = new Set(options.hold);
  const signalled = new Map<string, { process: ProcessStat; report: EndedProcess }>();
  const refused = new Map<string, ProcessStat>();
  const stopped = new Set<string>();
  let spared: readonly ProcessStat[] = [];

  const signal = (process: ProcessStat, name: NodeJS.Signals) => {
    const sent = send(process, name);
    if (sent === "refused") refused.set(toKey(process), process);
    return sent === "sent";
  };
  const stop = (process: ProcessStat) => {
    const key = toKey(process);
    if (hold.has(process.pid) || stopped.has(key) || refused.has(key)) return false;
    stopped.add(key);
    return signal(process, "SIGSTOP");
  };
  const resume = (process: ProcessStat) => stopped.delete(toKey(process)) && signal(process, "SIGCONT");
  const end = (process: ProcessStat, how: "term" | "kill") => {
    const key = toKey(process);
    // Described before it is signalled: the dead have no command line.
    const report = { ...(signalled.get(key)?.report ?? describe(process)), how };
    if (signal(process, how === "term" ? "SIGTERM" : "SIGKILL")) signalled.set(key, { process, report });
  };

  /** Stops everything, until a look at the process table shows nothing new; gives back what there is to end. */
  async function freeze(deadline: number): Promise<readonly ProcessStat[]> {
    for (let quiet = 0; ;) {
      let fresh = 0;
      const visit = (process: ProcessStat) => {
        if (stop(process)) fresh++;
      };
      const found = job.find(visit);
      if (!found.complete) chase(visit);
      spared = found.spared;
      for (const process of spared) resume(process);
      quiet = fresh > 0 ? 0 : quiet + 1;
      if (quiet >= (found.complete ? 1 : quietLooks) || performance.now() > deadline) {
        return found.processes.filter((process) => !hold.has(process.pid) && !refused.has(toKey(process)));
      }
      await sleep(0);
    }
  }

  function chase(visit: (process: ProcessStat) => void) {
    const start = performance.now();
    let moved = start;
    for (
      let newest = 0, now = start;
      now - moved < chaseQuietMs && now - start < chaseMs;
      now = performance.now()
    ) {
      const before = newest;
      newest = job.findNewest(visit);
      if (newest !== before) moved = now;
    }
  }

  for (const pid of hold) {
    const shell = job.includes(pid) ? readStat(pid) : undefined;
    if (shell) send(shell, "SIGSTOP");
  }
  let targets = await freeze(performance.now() + freezeMs);

  const graceEnd = performance.now() + graceMs;
  const hasGrace = () => performance.now() < graceEnd && !now?.aborted;
  while (targets.length > 0 && hasGrace()) {
    for (const process of targets) end(process, "term");
    for (const process of targets) resume(process);
    // What these start while they clean up has the grace to run as well.
    await untilGone(targets, graceEnd, now);
    targets = await freeze(performance.now() + freezeMs);
  }

  const killEnd = performance.now() + killMs;
  while (targets.length > 0 && performance.now() < killEnd) {
    for (const process of targets) end(process, "kill");
    await untilGone(targets, Math.min(killEnd, performance.now() + killRoundMs));
    targets = await freeze(Math.min(killEnd, performance.now() + freezeMs));
  }

  const left = [...refused.values(), ...targets].filter(isAlive);
  const leftKeys = new Set(left.map(toKey));
  return {
    ended: [...signalled].filter(([key]) => !leftKeys.has(key)).map(([, { report }]) => report),
    spared: spared.map(describe),
    left: left.map(describe),
  };
}

const freezeMs = 1000;
/** A chase ends when no process was started for so long, or after so long. */
const chaseQuietMs = 3;
const chaseMs = 15;
const killRoundMs = 250;
/** So many looks must show nothing new while processes of the host come and go. */
const quietLooks = 2;
const commandLineLimit = 200;

function send({ pid, startTime }: ProcessStat, signal: NodeJS.Signals): "sent" | "gone" | "refused" {
  // The pid may be another process's by now.
  if (readStat(pid)?.startTime !== startTime) return "gone";
  try {
    process.kill(pid, signal);
    return "sent";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? "refused" : "gone";
  }
}

/** Looks soon at first, since most programs end at once, then every 10 ms. */
async function untilGone(processes: readonly ProcessStat[], deadline: number, now?: AbortSignal) {
  let alive = processes;
  for (let pause = 1; ; pause = Math.min(10, pause * 2)) {
    alive = alive.filter(isAlive);
    const rest = deadline - performance.now();
    if (alive.length === 0 || rest <= 0 || now?.aborted) return;
    await sleep(Math.min(pause, rest), undefined, now && { signal: now }).catch(() => undefined);
  }
}

function toKey({ pid, startTime }: ProcessStat): string {
  return `${pid}:${startTime}`;
}

function describe({ pid, comm }: ProcessStat): ProcessReport {
  // oxlint-disable-next-line no-control-regex -- a command line may hold anything, and stands in one line of a log
  const line = readArguments(pid)
    .join(" ")
    .replaceAll(/\p{Cc}+/gu, " ");
  const commandLine = line.length > commandLineLimit ? `${line.slice(0, commandLineLimit - 1)}…` : line;
  return { pid, comm, commandLine, uid: readUid(pid) };
}
