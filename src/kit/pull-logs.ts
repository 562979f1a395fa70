import { defineService } from "../core/contracts/services.ts";

/**
 * Logs of jobs that clients read from this agent (log method `pull`, protocol section 8.3). A log backend
 * keeps them; a server hands them out.
 */
export interface PullLogs {
  /**
   * Returns the events of a job's log from an index on, as NDJSON in chunks of whole lines: those that exist
   * when it is called. A chunk is read from disk when it is asked for, and counts as delivered when the next
   * one is asked for. Returns `undefined` while the job has no log.
   */
  read(jobId: string, startFrom: number): Iterable<Uint8Array> | undefined;
  /**
   * Records that a client has stored the log elsewhere, so that its delivery ends. May be called before the
   * job has a log.
   */
  archive(jobId: string): void;
}

/** The logs that clients read from this agent. Provided under the request's log method: `pull`. */
export const pullLogs = defineService<PullLogs>("pull-logs", { methods: ["read", "archive"] });
