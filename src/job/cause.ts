import type { JobCause, JobCauseKind } from "../core/contracts/job-cause.ts";
import { findStopCause } from "../core/stop-cause.ts";
import { toLine } from "../core/text/printable.ts";

/** Creates the cause of a job that did not pass. The message becomes one line. */
export function createCause(
  kind: JobCauseKind,
  message: string,
  details: Omit<JobCause, "kind" | "message"> = {},
): JobCause {
  return { kind, message: toLine(message, maxCharacters), ...details };
}

const maxCharacters = 500;

/** Returns why a job was stopped, as the cause of its end. */
export function toStopCause(signal: AbortSignal): JobCause {
  const { reason, isTimeout } = findStopCause(signal) ?? { reason: "the job was stopped" };
  return createCause(isTimeout ? "timeout" : "stopped", reason);
}
