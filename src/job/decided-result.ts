import type { JobResult } from "../core/contracts/job-events.ts";

/** What a job says of itself after exit code 130, out of what `echo $SEMAPHORE_JOB_RESULT` printed (protocol section 6.1). */
export function decideResult(printed: string): { result: JobResult; reason: string } {
  // With `set -x` the command's own trace comes first.
  const value = printed.trimEnd().split("\n").at(-1) ?? "";
  if (value === "passed" || value === "failed")
    return { result: value, reason: `SEMAPHORE_JOB_RESULT=${value}` };
  return { result: "stopped", reason: `SEMAPHORE_JOB_RESULT is set to '${value}'` };
}
