import type { AgentStatus, JobStatus } from "signalman";

/** What has come to the logs of jobs since the last look. */
export interface LogGrowth {
  readonly producedBytes: number;
  readonly deliveredBytes: number;
}

export interface LogBytes {
  /** Counts each byte once. A job that was taken over counts whole. */
  grow(status: AgentStatus): LogGrowth;
}

/** Follows the logs of the jobs that the slots have. */
export function createLogBytes(): LogBytes {
  const seen = new Map<number, JobStatus>();
  return {
    grow({ slots }) {
      let [producedBytes, deliveredBytes] = [0, 0];
      for (const { slot, job } of slots) {
        const before = seen.get(slot);
        if (!job) {
          seen.delete(slot);
          continue;
        }
        const from = isSame(job, before) ? before.log : nothing;
        producedBytes += Math.max(0, job.log.producedBytes - from.producedBytes);
        deliveredBytes += Math.max(0, job.log.deliveredBytes - from.deliveredBytes);
        seen.set(slot, job);
      }
      return { producedBytes, deliveredBytes };
    },
  };
}

const nothing = { producedBytes: 0, deliveredBytes: 0 };

function isSame(job: JobStatus, before: JobStatus | undefined): before is JobStatus {
  return before !== undefined && job.id === before.id && job.startedAt === before.startedAt;
}
