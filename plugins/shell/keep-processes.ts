import { AgentError } from "signalman";
import type { JobUser } from "signalman/executor";

/**
 * Throws `CONFIG_INVALID` when `keep-processes` is set for a user whose processes all end with the job. A job
 * chooses the names of its processes. A process that it keeps could trace the shell of the user's next job,
 * and is outside of the limits.
 */
export function assertNoneKept(patterns: readonly string[], users: readonly JobUser[]): void {
  const user = users.find(({ isExclusive }) => isExclusive);
  if (patterns.length === 0 || user === undefined) return;
  throw new AgentError(
    "CONFIG_INVALID",
    `"keep-processes" cannot be used while every process of the jobs' user "${user.name}" is ended with its job, because any job can give a process such a name: unset "keep-processes", or set "end-user-processes" to false if all jobs are trusted`,
  );
}
