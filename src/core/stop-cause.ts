import type { StopCause, Stopper } from "./contracts/stop-cause.ts";
import { AgentError, isAgentError } from "./errors.ts";
import { toLine } from "./text/printable.ts";

/** Returns the `reason` of a stopped job's signals: an error with the code `JOB_STOPPED` and the cause. */
export function toStopError(cause: StopCause): AgentError {
  return new AgentError("JOB_STOPPED", `the job was stopped: ${cause.reason}`, { cause });
}

/**
 * Returns who has stopped a job, and why, from a signal of the job. `undefined` when the signal has not
 * aborted, or for another reason.
 */
export function findStopCause({ reason }: Pick<AbortSignal, "reason">): StopCause | undefined {
  return isAgentError(reason, "JOB_STOPPED") ? (reason.cause as StopCause) : undefined;
}

/** Makes a cause of a value that another process or a plugin has sent. What is missing or unknown is the agent's. */
export function parseStopCause(value: unknown): StopCause {
  const { by, reason, isTimeout } = Object(value) as Partial<Record<keyof StopCause, unknown>>;
  const text = typeof reason === "string" ? toLine(reason, longestReason) : "";
  return {
    by: stoppers.find((each) => each === by) ?? "agent",
    reason: text === "" ? "the agent has stopped the job" : text,
    ...(isTimeout === true && { isTimeout }),
  };
}

const stoppers: readonly Stopper[] = ["control-plane", "operator", "agent", "plugin"];
/** A stop must fit into a message. */
const longestReason = 500;
