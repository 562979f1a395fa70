import type { JobRequest } from "../core/contracts/job-request.ts";
import type { JobArrival } from "../core/contracts/job-summary.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { toMessage } from "../core/errors.ts";
import { type ClosedJob, closeJob } from "../job/end/close-job.ts";
import type { JobStore } from "./job-store.ts";

export interface RefusedJobOptions {
  readonly store: JobStore;
  /** Why the job cannot run, as its log shows it. */
  readonly reason: string;
  readonly arrival: JobArrival;
  readonly logger: Logger;
}

/**
 * Closes a job that can never run as failed. A disk that does not accept it is logged, and the job is
 * reported nevertheless.
 */
export function closeRefusedJob(
  request: JobRequest,
  { store, reason, arrival, logger }: RefusedJobOptions,
): ClosedJob {
  const { id: jobId } = request;
  const created = attempt(() => void store.create(jobId));
  const directory = store.directoryOf(jobId);
  const closed = closeJob({ directory, jobId, kind: "refused", reason, arrival, logger });
  // The request is written last: a request without a log is a job that has not started, and the next agent
  // process would run it.
  const fault = created ?? attempt(() => store.write(request));
  if (fault) {
    const message = `job state could not be written: a crash would lose this job: ${toMessage(fault.error)}`;
    logger.error(message, { job: jobId });
  }
  return closed;
}

function attempt(work: () => void): { readonly error: unknown } | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return { error };
  }
}
