import type { Cookie } from "../../core/contracts/executor.ts";
import type { JobArrival } from "../../core/contracts/job-summary.ts";

/** Names of the files in a job's state directory. */
export const jobFiles = {
  request: "request.json",
  process: "process.json",
  lock: "lock",
  spool: "events.ndjson",
  timeline: "timeline.ndjson",
  result: "result.json",
  delivery: "delivery.json",
  output: "process.log",
  failure: "failure.json",
  listener: "listener.json",
  journal: "journal.ndjson",
} as const;

/** Whether an id may be that of a request; another directory is not of this program. */
export function isJobId(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name);
}

/** What an agent needs to resume a running job; stored in the job's directory. */
export interface JobProcessRecord {
  /** Wire version of the process. Left out by the first releases: 1. */
  readonly version?: number;
  readonly pid: number;
  readonly bootId: string;
  readonly socket: string;
  readonly secret: string;
  readonly cookie: Cookie;
  /** The user of the job's processes. Left out: the agent's. */
  readonly uid?: number;
  /** Nothing else runs as this user. */
  readonly isExclusive?: boolean;
  /** As in {@link JobProcessInput}. */
  readonly controlGroup?: string | undefined;
  /** Left out by the first releases. */
  readonly arrival?: JobArrival;
}

/** Why a job's process has ended without a result, as the process itself could tell. */
export interface JobProcessFailure {
  readonly reason: string;
}
