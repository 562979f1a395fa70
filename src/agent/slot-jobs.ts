import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "../core/errors.ts";
import type { Host } from "../core/contracts/host.ts";
import { closeJob } from "../job/process/close-job.ts";
import { recoverLeft, refuseNewerJob } from "../job/process/left-jobs.ts";
import type { JobSettings } from "../job/settings.ts";
import { adoptJobProcess, finishedProcess, type JobProcess } from "../job/process/job-process.ts";
import { startJobProcess, type WaitingJobProcess } from "../job/process/waiting-process.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import { jobFiles, type JobProcessInput } from "../job/process/messages.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { toSocketPath } from "../os/socket-path.ts";
import { takeLock } from "../os/state/lock.ts";
import { makePrivateDirectory, readDocument, removeDocument, writeDocument } from "../os/state/document.ts";
import { pruneLogs } from "./kept-logs.ts";
import { deliverJob } from "./deliver.ts";
import type { AgentJob, JobDelivery, Jobs, LeftJob } from "../core/contracts/jobs.ts";
import type { SlotBoard } from "./status-board.ts";

/** What the jobs of all slots have in common. */
export interface JobsOptions {
  readonly host: Host;
  readonly plugins: JobProcessInput["plugins"];
  readonly log: JobProcessInput["log"];
  /** What a job's process starts with: ours without secrets. */
  readonly env: Readonly<Record<string, string>>;
  /** The words that start this program again. */
  readonly program: readonly string[];
  readonly claimTimeoutMs: number;
  readonly flushTimeoutMs: number;
  /** Of the logs that stay when their jobs are reported. */
  readonly keptLogs: { readonly maxBytes: number; readonly maxAgeMs: number };
  /** Called before anything is kept: see `StateDirectory.hold`. */
  readonly holdState: () => void;
}

/** What differs from slot to slot. */
export interface SlotSettings {
  /** For sockets, the best first; the first whose path is short enough is taken. */
  readonly socketDirectories: readonly string[];
  readonly settings: JobSettings;
}

export interface SlotJobsOptions extends JobsOptions, SlotSettings {
  readonly slot: number;
  readonly logger: Logger;
  /** Of the slot's jobs, in the state directory. */
  readonly directory: string;
  readonly board: SlotBoard;
}

/** The jobs of a slot, for its source, and for whoever must end them. */
export interface SlotJobs extends Jobs {
  stopAll(): void;
  killAll(): void;
}

export function createSlotJobs(options: SlotJobsOptions): SlotJobs {
  const { directory, logger, host, slot } = options;
  const running = new Set<JobProcess>();
  let expected: { readonly id: string; readonly process: WaitingJobProcess } | undefined;
  makePrivateDirectory(directory);
  for (const id of findLeft(directory)) refuseNewerJob(join(directory, id), id);
  attempt(() => removeUnbegun(directory));
  attempt(() => pruneLogs(directory, options.keptLogs));

  /** Tidying up. A disk that does not let us is no reason to refuse jobs. */
  function attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      logger.warn(`what is not needed any more stays on disk: ${toMessage(error)}`);
    }
  }

  function follow(request: JobRequest, process: JobProcess, delivery: JobDelivery): AgentJob {
    running.add(process);
    const { id } = request;
    const board = options.board.job(request);
    const done = deliverJob({
      ...options,
      board,
      request,
      process,
      delivery,
      directory: join(directory, id),
    }).finally(() => running.delete(process));
    return {
      id,
      request,
      done,
      stop: process.stop,
      kill: process.kill,
      async release() {
        board.end();
        attempt(() => forgetRequest(join(directory, id)));
        attempt(() => pruneLogs(directory, options.keptLogs));
      },
    };
  }

  /** The directory of a job that begins, whatever an earlier one of this id has left. */
  function makeDirectory(id: string): string {
    options.holdState();
    const path = join(directory, id);
    rmSync(path, { recursive: true, force: true });
    return makePrivateDirectory(path);
  }

  function spawn(jobId: string, path: string): WaitingJobProcess {
    const { socketDirectories, ...rest } = options;
    return startJobProcess({ ...rest, jobId, directory: path, socket: toSocketPath(socketDirectories) });
  }

  const prepare = (jobId: string) => spawn(jobId, makeDirectory(jobId));

  /** On disk before anything of it runs: from here on a crash cannot lose the job. */
  async function run(
    request: JobRequest,
    waiting: WaitingJobProcess,
    delivery: JobDelivery,
  ): Promise<AgentJob> {
    const path = join(directory, request.id);
    try {
      writeDocument(join(path, jobFiles.request), request);
      writeDocument(join(path, jobFiles.process), waiting.record);
    } catch (error) {
      waiting.dismiss();
      throw error;
    }
    const process = waiting.run(request);
    await announce(request);
    return follow(request, process, delivery);
  }

  /** The process that waits for this job, if there is one; no other goes on waiting. */
  function takeExpected(id: string): WaitingJobProcess | undefined {
    const found = expected;
    expected = undefined;
    if (found?.id === id) return found.process;
    found?.process.dismiss();
    return undefined;
  }

  async function announce(job: JobRequest): Promise<void> {
    await host.call("agent:job-started", { slot, jobId: job.id, job });
  }

  return {
    left: findLeft(directory).map((id): LeftJob => ({
      id,
      async claim(delivery) {
        const path = join(directory, id);
        const request = readDocument<JobRequest>(join(path, jobFiles.request))!;
        if (await hasBegun(path)) {
          logger.info("took over a job that was left", { job: id });
          recoverLeft(path, logger);
          return follow(request, adoptJobProcess({ directory: path, jobId: id, logger }), delivery);
        }
        logger.info("runs a job that an earlier agent had not begun", { job: id });
        return run(request, spawn(id, path), delivery);
      },
    })),
    expect(jobId) {
      try {
        takeExpected("");
        expected = { id: jobId, process: prepare(jobId) };
      } catch (error) {
        logger.debug(`no process waits for the job: ${toMessage(error)}`, { job: jobId });
      }
    },
    async start(request, delivery) {
      return run(request, takeExpected(request.id) ?? prepare(request.id), delivery);
    },
    async fail(request, reason, delivery) {
      takeExpected("");
      const path = join(directory, request.id);
      let fault: unknown;
      try {
        makeDirectory(request.id);
      } catch (error) {
        fault = error;
      }
      const closed = closeJob({ directory: path, jobId: request.id, reason, logger });
      try {
        // Last: who finds a request without a log takes it for a job that has not begun, and runs it.
        if (fault === undefined) writeDocument(join(path, jobFiles.request), request);
      } catch (error) {
        fault = error;
      }
      if (fault !== undefined) {
        logger.error(`the job cannot be kept, a crash would lose it: ${toMessage(fault)}`, {
          job: request.id,
        });
      }
      await announce(request);
      return follow(request, finishedProcess(closed), delivery);
    },
    stopAll: () => running.forEach((process) => process.stop()),
    killAll: () => running.forEach((process) => process.kill()),
  };
}

/** Jobs whose result the control plane has not acknowledged: their request is still here. */
function findLeft(directory: string): string[] {
  return readdirSync(directory).filter((id) => existsSync(join(directory, id, jobFiles.request)));
}

/**
 * Whether anything of a job can have run: its process makes the spool first, and holds the lock while it lives. One that waits for a request
 * leaves with its agent.
 */
async function hasBegun(directory: string): Promise<boolean> {
  const has = (name: string) => existsSync(join(directory, name));
  for (const deadline = performance.now() + leaveMs; performance.now() < deadline; await sleep(20)) {
    using lock = has(jobFiles.spool) ? undefined : takeLock(join(directory, jobFiles.lock));
    if (has(jobFiles.spool) || has(jobFiles.result)) return true;
    if (lock) return false;
  }
  return true;
}

const leaveMs = 10_000;

/** What was made for a job of which not even the request came. */
function removeUnbegun(directory: string): void {
  for (const id of readdirSync(directory)) {
    const has = (name: string) => existsSync(join(directory, id, name));
    if (!has(jobFiles.request) && !has(jobFiles.spool)) {
      rmSync(join(directory, id), { recursive: true, force: true });
    }
  }
}

/** A job's request, and all that leads to secrets, leaves the disk with the job; its log stays. */
function forgetRequest(directory: string): void {
  for (const name of [jobFiles.process, jobFiles.lock, jobFiles.request] as const) {
    removeDocument(join(directory, name));
  }
}
