import { join } from "node:path";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { findEntry } from "../../os/state/file.ts";
import { followJobProcess, type JobProcess } from "./job-process.ts";
import type { ReceivedJob } from "./input.ts";
import { findProcessRecord } from "../state/job-documents.ts";
import { jobFiles, type JobProcessRecord } from "../state/job-files.ts";
import { type JobPlace, type NewJobPlace, spawnJobProcess, type SpawnOptions } from "./spawn.ts";

export interface JobLauncherOptions extends SpawnOptions {
  /**
   * Called when a job's process died without a result, and after each resumed job. `left`: the private
   * directory that it did not remove. The job's result waits for it. Never rejects.
   */
  readonly cleanUp: (request: JobRequest, logger: Logger, left: string | undefined) => Promise<void>;
  /** Called with what plugins have recorded in a job's process; the job may have sent anything. */
  readonly onMetrics: (metrics: unknown) => void;
  /** Aborted when the next agent resumes the jobs: what has not ended is left to it. */
  readonly handOver: AbortSignal;
}

/**
 * A process that waits for its job's request, so that it can start while the request is fetched. It exits
 * with the agent.
 */
export interface WaitingJobProcess {
  /** What resumes the job; stored before the job runs. */
  readonly record: JobProcessRecord;
  /** Runs the job. Called once. A process that cannot run it shows in `finished`. */
  run(job: ReceivedJob): JobProcess;
  /** Ends the process: it gets no job. */
  dismiss(): void;
}

/** Starts the processes of jobs, and resumes those that an earlier agent process started. */
export interface JobLauncher {
  /** Milliseconds for which a job continues without an agent. */
  readonly claimTimeoutMs: number;
  /** Ids of the jobs whose processes were started or resumed and have not ended. */
  readonly running: ReadonlySet<string>;
  /** Throws when the system cannot start a process. */
  start(place: NewJobPlace & Pick<LeftJobPlace, "renew">): WaitingJobProcess;
  /** Resumes a job that an earlier agent process left, whether its process still runs or not. */
  resume(request: JobRequest, place: LeftJobPlace): JobProcess;
}

/** `renew` returns the place of another process that continues the job. Left out: none does. */
export interface LeftJobPlace extends JobPlace {
  readonly renew?: () => NewJobPlace;
}

export function createJobLauncher(options: JobLauncherOptions): JobLauncher {
  const running = new Set<string>();

  function follow(
    { request, arrival }: ReceivedJob,
    place: LeftJobPlace,
    process: Pick<JobProcessRecord, "socket" | "secret">,
    child?: Bun.Subprocess,
  ): JobProcess {
    const { jobId, directory, logger, renew } = place;
    const { socket, secret } = process;
    const cleanUp = (left: string | undefined) => options.cleanUp(request, logger, left);
    const { onMetrics, handOver } = options;
    const followed = followJobProcess({
      jobId,
      directory,
      logger,
      socket,
      secret,
      child,
      arrival,
      cleanUp,
      onMetrics,
      handOver,
      takeOver: renew && (() => takeOver(options, { request, arrival }, place)),
    });
    void followed.finished.then(() => running.delete(jobId));
    return followed;
  }

  return {
    claimTimeoutMs: options.claimTimeoutMs,
    running,
    start(place) {
      running.add(place.jobId);
      try {
        const { child, record, send } = spawnJobProcess(options, place);
        return {
          record,
          run(job) {
            send(job);
            return follow(job, place, record, child);
          },
          dismiss() {
            // It does not react to SIGTERM, which a service manager sends to the agent's group.
            child.kill("SIGKILL");
            running.delete(place.jobId);
          },
        };
      } catch (error) {
        running.delete(place.jobId);
        throw error;
      }
    },
    resume(request, place) {
      running.add(place.jobId);
      const record = findRecord(place) ?? { socket: "", secret: "" };
      return follow({ request, arrival: record.arrival ?? {} }, place, record);
    },
  };
}

/** Loads what continues a job only where a job has left a journal. */
async function takeOver(options: JobLauncherOptions, job: ReceivedJob, place: LeftJobPlace) {
  if (!findEntry(join(place.directory, jobFiles.journal))) return undefined;
  const { takeOverJob } = await import("./take-over.ts");
  return takeOverJob(options, job, place);
}

/** Without a record the process can only be waited for. */
function findRecord({
  directory,
  jobId,
  logger,
}: JobPlace): Pick<JobProcessRecord, "socket" | "secret" | "arrival"> | undefined {
  const { record, fault } = findProcessRecord(directory);
  if (fault !== undefined)
    logger.error(`job cannot be stopped, only killed with its agent: ${fault}`, { job: jobId });
  return record;
}
