import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { toMessage } from "../core/errors.ts";
import { refuseNewerJob } from "../job/process/left-jobs.ts";
import { jobFiles, type JobProcessRecord } from "../job/process/messages.ts";
import { makePrivateDirectory, readDocument, removeDocument, writeDocument } from "../os/state/document.ts";
import { takeLock } from "../os/state/lock.ts";
import { type KeptLogLimits, pruneLogs } from "./kept-logs.ts";

export interface JobStoreOptions {
  /** The directory of the slot's jobs. */
  readonly directory: string;
  readonly keptLogs: KeptLogLimits;
  /** Called before anything is written: see `StateDirectory.hold`. */
  readonly holdState: () => void;
  readonly logger: Logger;
}

/** The jobs of a slot on disk: a directory for each. A job whose request is there has not been released. */
export interface JobStore {
  /** Ids of the jobs that were not released. */
  list(): string[];
  directoryOf(jobId: string): string;
  /** Creates the directory of a new job, and removes what an earlier job of this id left. */
  create(jobId: string): string;
  /** Resolves to whether the job has started: its process creates the spool first, and holds the lock while it lives. */
  hasStarted(jobId: string): Promise<boolean>;
  readRequest(jobId: string): JobRequest;
  /** Stores a request, and what resumes the job. From here on a crash does not lose the job. */
  write(request: JobRequest, record?: JobProcessRecord): void;
  /** Removes the request of a reported job, and everything that contains secrets; the log is kept. Never throws. */
  release(jobId: string): void;
}

/** Throws `STATE_NEWER` when a newer release left a job. */
export function openJobStore(options: JobStoreOptions): JobStore {
  const { directory, logger } = options;
  const directoryOf = (jobId: string) => join(directory, jobId);
  /** Runs a clean-up. A disk that does not allow it is no reason to refuse jobs. */
  const cleanUp = (work: () => void) => {
    try {
      work();
    } catch (error) {
      logger.warn(`cleanup failed, files remain on disk: ${toMessage(error)}`);
    }
  };
  const prune = () => cleanUp(() => pruneLogs(directory, options.keptLogs));

  makePrivateDirectory(directory);
  for (const id of listJobs(directory)) refuseNewerJob(directoryOf(id), id);
  cleanUp(() => removeUnassigned(directory));
  prune();
  return {
    list: () => listJobs(directory),
    directoryOf,
    create(jobId) {
      options.holdState();
      rmSync(directoryOf(jobId), { recursive: true, force: true });
      return makePrivateDirectory(directoryOf(jobId));
    },
    hasStarted: (jobId) => hasStarted(directoryOf(jobId)),
    readRequest: (jobId) => readDocument<JobRequest>(join(directoryOf(jobId), jobFiles.request))!,
    write(request, record) {
      writeDocument(join(directoryOf(request.id), jobFiles.request), request);
      if (record) writeDocument(join(directoryOf(request.id), jobFiles.process), record);
    },
    release(jobId) {
      cleanUp(() => removeSecrets(directoryOf(jobId)));
      prune();
    },
  };
}

/** Ids of the jobs below `directory` that were not released: the control plane does not have their results. */
export function listJobs(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((id) => existsSync(join(directory, id, jobFiles.request)));
}

/** A process that waits for its request still holds the lock for a moment after its agent's death. */
async function hasStarted(directory: string): Promise<boolean> {
  const has = (name: string) => existsSync(join(directory, name));
  for (const deadline = performance.now() + exitMs; performance.now() < deadline; await sleep(20)) {
    using lock = has(jobFiles.spool) ? undefined : takeLock(join(directory, jobFiles.lock));
    if (has(jobFiles.spool) || has(jobFiles.result)) return true;
    if (lock) return false;
  }
  return true;
}

/** Milliseconds that a waiting process has to exit after its agent. */
const exitMs = 10_000;

/** Removes the directories of expected jobs whose request never arrived. */
function removeUnassigned(directory: string): void {
  for (const id of readdirSync(directory)) {
    const has = (name: string) => existsSync(join(directory, id, name));
    if (!has(jobFiles.request) && !has(jobFiles.spool)) {
      rmSync(join(directory, id), { recursive: true, force: true });
    }
  }
}

function removeSecrets(directory: string): void {
  for (const name of [jobFiles.process, jobFiles.lock, jobFiles.failure, jobFiles.request] as const) {
    removeDocument(join(directory, name));
  }
}
