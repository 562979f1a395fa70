import { type ProcessStat, readArguments, readUid } from "./proc.ts";

/** A process as the agent's log names it. */
export interface ProcessReport {
  readonly pid: number;
  readonly comm: string;
  /** At most 200 characters; empty when it could no longer be read. */
  readonly commandLine: string;
  readonly uid: number | undefined;
}

export interface EndedProcess extends ProcessReport {
  /** `term`: it exited after SIGTERM; `kill`: it had to be killed. */
  readonly how: "term" | "kill";
}

/** What became of a job's processes at its end. */
export interface EndReport {
  /** Processes that were signalled and have exited. */
  readonly ended: readonly EndedProcess[];
  /** Processes that `keep-processes` spares. */
  readonly spared: readonly ProcessReport[];
  /**
   * Processes that are still alive: those of another user, which we may not signal, and those that the kernel
   * does not end.
   */
  readonly left: readonly ProcessReport[];
}

export function describeProcess({ pid, comm }: ProcessStat): ProcessReport {
  // oxlint-disable-next-line no-control-regex -- a command line may contain anything, and is shown in one line of a log
  const line = readArguments(pid)
    .join(" ")
    .replaceAll(/\p{Cc}+/gu, " ");
  const commandLine = line.length > commandLineLimit ? `${line.slice(0, commandLineLimit - 1)}…` : line;
  return { pid, comm, commandLine, uid: readUid(pid) };
}

const commandLineLimit = 200;
