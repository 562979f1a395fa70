import type { Logger, PullLogs } from "signalman";
import type { JobRecords } from "./job-record.ts";

export interface HostedJobOptions {
  readonly records: JobRecords;
  readonly logs: PullLogs;
  readonly logger: Logger;
  readonly callbacks: {
    /** Number of attempts of each callback (`callback-retry-attempts`). */
    readonly attempts: number;
    readonly intervalMs: number;
  };
  readonly signals: {
    /** Aborts at the first SIGINT or SIGTERM: the end of the log is not waited for any more. */
    readonly interrupt: AbortSignal;
    /** Aborts when this process must leave what is not done to the next one. */
    readonly leave: AbortSignal;
  };
}
