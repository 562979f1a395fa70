import type { HangingHook } from "../core/contracts/agent-status.ts";
import type { JobUser } from "../core/contracts/executor.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { AgentJob, JobDelivery, Jobs, LeftJob } from "../core/contracts/jobs.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { toMessage } from "../core/errors.ts";
import { type JobProcess, toFinishedProcess } from "../job/process/job-process.ts";
import type { JobLauncher, WaitingJobProcess } from "../job/process/launcher.ts";
import { toSocketPath } from "../os/network/socket-path.ts";
import { claimLeftJob } from "./claim-left-job.ts";
import { closeRefusedJob } from "./close-refused-job.ts";
import type { Deliverer } from "./job-delivery.ts";
import { createJobHooks } from "./lifecycle.ts";
import type { JobStore } from "./job-store.ts";
import type { SlotNotifier } from "./slot-notifier.ts";

export interface SlotJobsOptions {
  readonly launcher: JobLauncher;
  readonly deliverer: Deliverer;
  readonly store: JobStore;
  readonly notifier: SlotNotifier;
  readonly logger: Logger;
  readonly place: SlotPlace;
}

/** The place of a slot's job processes on this host. */
export interface SlotPlace {
  /** Number of the slot, from 0. */
  readonly slot: number;
  /** Directories for control sockets, best first: the first whose path is short enough is used. */
  readonly socketDirectories: readonly string[];
  /** The home directory of the slot's jobs. Left out: the login profile decides. */
  readonly home?: string | undefined;
  /** The user of the slot's jobs. Left out: the agent's. */
  readonly user?: JobUser | undefined;
}

/** The jobs of a slot. */
export interface SlotJobs extends Jobs {
  /** Returns the hooks of the running jobs' plugins that hang. */
  hangingHooks(): readonly HangingHook[];
  /** Whether a job runs, or its log is being delivered. */
  isBusy(): boolean;
  stopAll(): void;
  killAll(): void;
}

export function createSlotJobs(options: SlotJobsOptions): SlotJobs {
  const { store, notifier, logger } = options;
  const running = new Set<JobProcess>();
  const expected = createExpectedJob(options);

  /** Follows a job's process until its log is delivered. */
  function follow(request: JobRequest, process: JobProcess, delivery: JobDelivery, isNew = true): AgentJob {
    running.add(process);
    void notifier.notify("jobFollowed", { job: request });
    // Not awaited: a slow listener delays neither the log nor a stop.
    const announced = isNew ? createJobHooks(notifier, request).started() : Promise.resolve();
    const directory = store.directoryOf(request.id);
    const done = options.deliverer
      .deliver({ request, process, delivery, directory, notifier, logger, announced })
      .finally(() => running.delete(process));
    return {
      id: request.id,
      request,
      ended: process.finished,
      done,
      stop: process.stop,
      kill: process.kill,
      async release() {
        await notifier.notify("jobReleased", { job: request });
        store.release(request.id);
      },
    };
  }

  /** Stores the request, then runs it in its process. */
  function run(request: JobRequest, process: WaitingJobProcess, delivery: JobDelivery): AgentJob {
    try {
      store.write(request, process.record);
    } catch (error) {
      process.dismiss();
      throw error;
    }
    return follow(request, process.run(request), delivery);
  }

  /** Reports a job that can never run as failed. */
  async function refuse(request: JobRequest, reason: string, delivery: JobDelivery): Promise<AgentJob> {
    expected.dismiss();
    const closed = closeRefusedJob(request, { store, reason, logger });
    return follow(request, toFinishedProcess(closed), delivery);
  }

  /** Runs a job, unless it is known that its log cannot be delivered. */
  async function begin(
    request: JobRequest,
    start: () => WaitingJobProcess,
    delivery: JobDelivery,
  ): Promise<AgentJob> {
    const fault = options.deliverer.findFault(request);
    if (fault === undefined) return run(request, start(), delivery);
    logger.error(`${fault}; the job is reported as failed`, { job: request.id });
    return refuse(request, fault, delivery);
  }

  const claim = (id: string, delivery: JobDelivery) =>
    claimLeftJob(id, delivery, {
      options,
      steps: {
        refuse,
        begin: (request) => begin(request, () => launch(id, store.directoryOf(id), options), delivery),
        follow: (request, process) => follow(request, process, delivery, false),
      },
    });

  return {
    left: store.list().map((id): LeftJob => ({ id, claim: (delivery) => claim(id, delivery) })),
    expect: expected.start,
    async start(request, delivery) {
      const { id } = request;
      return begin(request, () => expected.take(id) ?? launch(id, store.create(id), options), delivery);
    },
    fail: refuse,
    hangingHooks: () => [...running].flatMap((process) => process.hangingHooks()),
    isBusy: () => running.size > 0,
    stopAll: () => running.forEach((process) => process.stop()),
    killAll: () => running.forEach((process) => process.kill()),
  };
}

function launch(
  jobId: string,
  directory: string,
  { launcher, logger, place }: SlotJobsOptions,
): WaitingJobProcess {
  const socket = toSocketPath(place.socketDirectories);
  const { home, user, slot } = place;
  return launcher.start({ jobId, directory, logger, socket, home, user, slot });
}

/** The process that was started for a job whose request is still being fetched; at most one. */
function createExpectedJob(options: SlotJobsOptions) {
  const { store, logger } = options;
  let expected: { readonly id: string; readonly process: WaitingJobProcess } | undefined;
  const dismiss = () => {
    expected?.process.dismiss();
    expected = undefined;
  };
  return {
    dismiss,
    /** Never throws. */
    start(id: string): void {
      try {
        dismiss();
        expected = { id, process: launch(id, store.create(id), options) };
      } catch (error) {
        logger.debug(`job process could not be started before the request: ${toMessage(error)}`, { job: id });
      }
    },
    /** Returns the process that waits for this job, if there is one, and dismisses any other. */
    take(id: string): WaitingJobProcess | undefined {
      const found = expected?.id === id ? expected.process : undefined;
      if (found) expected = undefined;
      dismiss();
      return found;
    },
  };
}
