import type { JobResult } from "../core/contracts/job-events.ts";

/**
 * Decides the result of a job that exited with 130, from the output of `echo $SEMAPHORE_JOB_RESULT` (protocol
 * section 6.1).
 */
export function decideResult(printed: string): { result: JobResult; reason: string } {
  // With `set -x`, the output begins with the trace of the command.
  const value = printed.trimEnd().split("\n").at(-1) ?? "";
  if (value === "passed" || value === "failed")
    return { result: value, reason: `SEMAPHORE_JOB_RESULT=${value}` };
  return { result: "stopped", reason: `SEMAPHORE_JOB_RESULT is set to '${value}'` };
}
