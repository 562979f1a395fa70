import type { SlotState } from "signalman";

/** What a further process of this agent must know of the job. */
export interface JobRecord {
  readonly jobId: string;
  /** The callback `finished` was answered. */
  readonly isAnnounced: boolean;
  readonly isArchived: boolean;
}

export interface JobRecords {
  /** Returns the stored record of this job, or a new one. */
  read(jobId: string): JobRecord;
  write(record: JobRecord): void;
  remove(): void;
}

export function createJobRecords(state: SlotState): JobRecords {
  return {
    read(jobId) {
      const stored = state.get<JobRecord>(document);
      return stored?.jobId === jobId ? stored : createJobRecord(jobId);
    },
    write: (record) => state.put(document, record),
    remove: () => state.remove(document),
  };
}

export function createJobRecord(jobId: string): JobRecord {
  return { jobId, isAnnounced: false, isArchived: false };
}

const document = "hosted-job";
