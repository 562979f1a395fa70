import type { JobCause, JobCauseKind } from "../core/contracts/job-cause.ts";
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

/** Returns why a job was stopped. The only text among the reasons is that of a claim that has timed out. */
export function toStopCause({ reason }: AbortSignal): JobCause {
  return typeof reason === "string"
    ? createCause("timeout", reason)
    : createCause("stopped", "the job was stopped");
}
