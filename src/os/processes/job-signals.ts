import { describeProcess, type EndedProcess } from "./end-report.ts";
import { type ProcessStat, readStat } from "./proc.ts";

/** Signals the processes of a job and records the effect on each. */
export interface JobSignals {
  /**
   * Suspends a process that is not suspended yet. Returns `true` when it was. Shells in `hold` and refused
   * processes are left alone.
   */
  suspend(process: ProcessStat): boolean;
  resume(process: ProcessStat): void;
  end(process: ProcessStat, how: EndedProcess["how"]): void;
  /** Whether a process can be ended: it is not in `hold`, and has not refused a signal. */
  isTarget(process: ProcessStat): boolean;
  /** Processes of other users, which we may not signal. */
  readonly refused: ReadonlyMap<string, ProcessStat>;
  /** Reports of the processes that received a signal to end, by {@link toProcessKey}. */
  readonly ended: ReadonlyMap<string, EndedProcess>;
}

export function createJobSignals(hold: ReadonlySet<number>): JobSignals {
  const ended = new Map<string, EndedProcess>();
  const refused = new Map<string, ProcessStat>();
  const suspended = new Set<string>();

  const send = (process: ProcessStat, name: NodeJS.Signals) => {
    const outcome = signalProcess(process, name);
    if (outcome === "refused") refused.set(toProcessKey(process), process);
    return outcome === "sent";
  };
  const isTarget = (process: ProcessStat) => !hold.has(process.pid) && !refused.has(toProcessKey(process));

  return {
    suspend(process) {
      const key = toProcessKey(process);
      if (suspended.has(key) || !isTarget(process)) return false;
      suspended.add(key);
      return send(process, "SIGSTOP");
    },
    resume(process) {
      if (suspended.delete(toProcessKey(process))) send(process, "SIGCONT");
    },
    end(process, how) {
      const key = toProcessKey(process);
      // Described before the signal, since a dead process has no command line.
      const report = { ...(ended.get(key) ?? describeProcess(process)), how };
      if (send(process, how === "term" ? "SIGTERM" : "SIGKILL")) ended.set(key, report);
    },
    isTarget,
    refused,
    ended,
  };
}

/** Signals a process, unless its pid belongs to another process by now. */
export function signalProcess(
  { pid, startTime }: ProcessStat,
  signal: NodeJS.Signals,
): "sent" | "gone" | "refused" {
  if (readStat(pid)?.startTime !== startTime) return "gone";
  try {
    process.kill(pid, signal);
    return "sent";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? "refused" : "gone";
  }
}

/** Identifies a process for good: pids are reused. */
export function toProcessKey({ pid, startTime }: ProcessStat): string {
  return `${pid}:${startTime}`;
}
