import type { JobRequest } from "../core/contracts/job-request.ts";
import type { AgentJob } from "../core/contracts/jobs.ts";
import { toMessage } from "../core/errors.ts";
import { createCause } from "../job/cause.ts";
import type { JobProcess } from "../job/process/job-process.ts";
import { recoverLeftLog } from "../job/state/left-jobs.ts";
import { toJobRequest } from "../job/request/parse.ts";
import type { Logger } from "../core/contracts/logger.ts";
import type { JobLauncher } from "../job/process/launcher.ts";
import type { JobStore } from "./job-store.ts";

export interface ClaimOptions {
  readonly launcher: Pick<JobLauncher, "resume">;
  readonly store: Pick<JobStore, "directoryOf" | "hasStarted" | "readRequest">;
  readonly logger: Logger;
}

export interface ClaimSteps {
  /** Follows the process of a job that has started. */
  readonly follow: (request: JobRequest, process: JobProcess) => AgentJob;
  /** Starts a job that has not started. */
  readonly begin: (request: JobRequest) => Promise<AgentJob>;
  /** Reports a job that can never run as failed. */
  readonly refuse: (request: JobRequest, reason: string) => Promise<AgentJob>;
}

/**
 * Takes over a job that an earlier agent process left. A job whose request cannot be used is ended and
 * reported as failed.
 */
export async function claimLeftJob(
  id: string,
  { options, steps }: { readonly options: ClaimOptions; readonly steps: ClaimSteps },
): Promise<AgentJob> {
  const { store, launcher, logger } = options;
  const directory = store.directoryOf(id);
  const { request, fault } = findRequest(id, options);
  const hasStarted = await store.hasStarted(id);
  if (fault !== undefined) {
    logger.error(`${fault}; the job is reported as failed`, { job: id });
    if (!hasStarted) return steps.refuse(request, fault);
    const process = launcher.resume(request, { jobId: id, directory, logger });
    process.kill({ by: "agent", reason: fault });
    const cause = createCause("unknown", fault);
    const finished = process.finished.then((summary) => ({ ...summary, result: "failed" as const, cause }));
    return steps.follow(request, { ...process, finished });
  }
  if (!hasStarted) {
    logger.info("starting a job that an earlier agent process had accepted", { job: id });
    return steps.begin(request);
  }
  logger.info("resumed a job of an earlier agent process", { job: id });
  recoverLeftLog(directory, logger);
  return steps.follow(request, launcher.resume(request, { jobId: id, directory, logger }));
}

/** Reads the request of a left job. The request of one that cannot be read contains no more than its id. */
function findRequest(
  id: string,
  { store }: Pick<ClaimOptions, "store">,
): { readonly request: JobRequest; readonly fault?: string } {
  try {
    return { request: store.readRequest(id) };
  } catch (error) {
    const { request } = toJobRequest({ job_id: id, commands: [] });
    return { request, fault: `the job's request cannot be used: ${toMessage(error)}` };
  }
}
