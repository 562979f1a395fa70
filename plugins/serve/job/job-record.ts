import { type Logger, type SlotState, toMessage } from "signalman";

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

/** A record that cannot be read is logged and begins anew: the callbacks are then sent again. */
export function createJobRecords(state: SlotState, logger: Logger): JobRecords {
  return {
    read(jobId) {
      try {
        const stored = state.get<JobRecord>(document);
        if (stored?.jobId === jobId) return stored;
      } catch (error) {
        logger.error(`the record of job ${jobId} is unreadable and ignored: ${toMessage(error)}`);
      }
      return createJobRecord(jobId);
    },
    write: (record) => state.put(document, record),
    remove: () => state.remove(document),
  };
}

export function createJobRecord(jobId: string): JobRecord {
  return { jobId, isAnnounced: false, isArchived: false };
}

const document = "hosted-job";
