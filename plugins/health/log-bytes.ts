import type { AgentStatus, JobStatus } from "signalman";

/** Growth of all job logs since the previous call. */
export interface LogGrowth {
  readonly producedBytes: number;
  readonly deliveredBytes: number;
}

export interface LogBytes {
  /** Returns the growth. Each byte is counted once, and a resumed job completely. */
  grow(status: AgentStatus): LogGrowth;
}

/** Tracks the log sizes of the jobs in all slots. */
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
