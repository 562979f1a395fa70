import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { JobArrival } from "../core/contracts/job-summary.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { AgentError, toMessage } from "../core/errors.ts";
import { refuseNewerJob } from "../job/state/left-jobs.ts";
import { findProcessRecord, readRequest, writeJob } from "../job/state/job-documents.ts";
import { isJobId, jobFiles, type JobProcessRecord } from "../job/state/job-files.ts";
import { findEntry, listDirectory, removeEntries, removeEntry } from "../os/state/file.ts";
import { takeLock } from "../os/state/lock.ts";
import { makePrivateDirectory } from "../os/state/private-directory.ts";
import { createLogPruner, type KeptLogLimits } from "./kept-logs.ts";

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
  /**
   * Resolves to whether the job has started: its process creates the spool first, and holds the lock while it
   * lives.
   */
  hasStarted(jobId: string): Promise<boolean>;
  /** Throws when the request is missing, damaged or no file. */
  readRequest(jobId: string): JobRequest;
  /** Returns what an earlier agent process has stored; nothing when that is damaged. */
  readArrival(jobId: string): JobArrival;
  /** Stores a request, and what resumes the job. From here on a crash does not lose the job. */
  write(request: JobRequest, record?: JobProcessRecord): void;
  /** Removes the request of a reported job, and everything that contains secrets; the log is kept. Never throws. */
  release(jobId: string): void;
}

/** Throws `STATE_NEWER` when a newer release left a job. */
export function openJobStore(options: JobStoreOptions): JobStore {
  const { directory, logger } = options;
  // An id comes from a job source: `../..` must not name another directory.
  const directoryOf = (jobId: string) => {
    if (isJobId(jobId)) return join(directory, jobId);
    throw new AgentError(
      "JOB_INVALID",
      `invalid job id ${Bun.inspect(jobId)}: expected a text such as a UUID`,
    );
  };
  /** Runs a clean-up. A disk that does not allow it is no reason to refuse jobs. */
  const cleanUp = (work: () => void) => {
    try {
      work();
    } catch (error) {
      logger.warn(`cleanup failed, files remain on disk: ${toMessage(error)}`);
    }
  };
  makePrivateDirectory(directory, { isReplaced: true });
  for (const id of listUnreleased(directory)) refuseNewerJob(directoryOf(id), id);
  cleanUp(() => removeUnassigned(directory));
  const logs = createLogPruner(directory, options.keptLogs);
  cleanUp(logs.prune);
  return {
    list: () => listUnreleased(directory),
    directoryOf,
    create(jobId) {
      options.holdState();
      removeEntry(directoryOf(jobId));
      return makePrivateDirectory(directoryOf(jobId));
    },
    hasStarted: (jobId) => hasStarted(directoryOf(jobId)),
    readRequest(jobId) {
      const request = readRequest(directoryOf(jobId));
      if (request?.id === jobId) return request;
      const what = request === undefined ? "is missing" : "is that of another job";
      throw new AgentError("STATE_INVALID", `the request of job "${jobId}" ${what}`);
    },
    readArrival: (jobId) => findProcessRecord(directoryOf(jobId)).record?.arrival ?? {},
    write(request, record) {
      writeJob(directoryOf(request.id), request, record);
    },
    release(jobId) {
      const job = directoryOf(jobId);
      cleanUp(() => removeEntries(job, secretFiles));
      cleanUp(() => logs.add(job));
    },
  };
}

/** Ids of the jobs below `directory` that were not released: the control plane does not have their results. */
export function listUnreleased(directory: string): string[] {
  if (!findEntry(directory)?.isDirectory()) return [];
  return listDirectory(directory)
    .map(({ name }) => name)
    .filter((id) => isJobId(id) && findEntry(join(directory, id, jobFiles.request)));
}

/**
 * A job whose lock was replaced by something else has started: nothing but a job does that. A process that
 * waits for its request still holds the lock for a moment after its agent's death.
 */
async function hasStarted(directory: string): Promise<boolean> {
  const has = (name: string) => findEntry(join(directory, name)) !== undefined;
  const isReplaced = findEntry(join(directory, jobFiles.lock))?.isFile() === false;
  for (const deadline = performance.now() + exitMs; performance.now() < deadline; await sleep(20)) {
    using lock = has(jobFiles.spool) || isReplaced ? undefined : takeLock(join(directory, jobFiles.lock));
    if (isReplaced) return true;
    if (has(jobFiles.spool) || has(jobFiles.result)) return true;
    if (lock) return false;
  }
  return true;
}

/** Milliseconds that a waiting process has to exit after its agent. */
const exitMs = 10_000;

/** Removes the directories of expected jobs whose request never arrived. */
function removeUnassigned(directory: string): void {
  for (const { name: id } of listDirectory(directory)) {
    const has = (name: string) => findEntry(join(directory, id, name)) !== undefined;
    if (!has(jobFiles.request) && !has(jobFiles.spool)) removeEntry(join(directory, id));
  }
}

/** In the order of their removal: a job whose request is missing has been released. */
const secretFiles = [jobFiles.journal, jobFiles.process, jobFiles.lock, jobFiles.failure, jobFiles.request];
