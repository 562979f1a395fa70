import type { AgentStatus, JobStatus, LogPosition } from "../../core/contracts/agent-status.ts";

/**
 * Returns a function that measures how much the logs of all jobs have grown since its last call. Each byte is
 * counted once, and a resumed job completely.
 */
export function createLogGrowth(toBytes: (position: LogPosition) => number): (status: AgentStatus) => number {
  const seen = new Map<number, JobStatus>();
  return ({ slots }) => {
    let grown = 0;
    for (const { slot, job } of slots) {
      const before = seen.get(slot);
      if (!job) {
        seen.delete(slot);
        continue;
      }
      grown += Math.max(0, toBytes(job.log) - (isSame(job, before) ? toBytes(before.log) : 0));
      seen.set(slot, job);
    }
    return grown;
  };
}

function isSame(job: JobStatus, before: JobStatus | undefined): before is JobStatus {
  return before !== undefined && job.id === before.id && job.startedAt === before.startedAt;
}
