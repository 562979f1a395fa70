import type { HangingHook } from "../core/contracts/agent-status.ts";
import type { JobUser } from "../core/contracts/executor-options.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { AgentJob, JobDelivery, Jobs, LeftJob } from "../core/contracts/jobs.ts";
import type { JobArrival } from "../core/contracts/job-summary.ts";
import type { Logger } from "../core/contracts/logger.ts";
import type { StopCause } from "../core/contracts/stop-cause.ts";
import { freezeRequest } from "../job/request/freeze.ts";
import { type JobProcess, toFinishedProcess } from "../job/process/job-process.ts";
import type { JobLauncher, WaitingJobProcess } from "../job/process/launcher.ts";
import type { NewJobPlace } from "../job/process/spawn.ts";
import { toSocketPath } from "../os/network/socket-path.ts";
import { claimLeftJob, type ClaimSteps } from "./claim-left-job.ts";
import { closeRefusedJob } from "./close-refused-job.ts";
import { createExpectedJob } from "./expected-job.ts";
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
  /** Returns the slot's name in the control plane; `undefined` before it is registered. */
  readonly agentName?: () => string | undefined;
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
  /** Resolves to whether another process can continue each job that was not reported yet. */
  areContinuable(): Promise<boolean>;
  /** Whether the process of a job serves its running command, which fails without it. */
  areServed(): Promise<boolean>;
  stopAll(cause: StopCause): void;
  killAll(cause: StopCause): void;
}

/** A job to run or to report. */
interface GivenJob {
  readonly request: JobRequest;
  readonly delivery: JobDelivery;
  readonly arrival: JobArrival;
  /** Fires the hook of its start. Not awaited: a slow listener delays neither the log nor a stop. */
  readonly announce: () => Promise<void>;
  /** A process that waits for the job. */
  readonly process?: WaitingJobProcess | undefined;
}

export function createSlotJobs(options: SlotJobsOptions): SlotJobs {
  const { store, notifier, logger } = options;
  const running = new Set<JobProcess>();
  const launchNew = (id: string) => launch(id, store.create(id), options);
  const expected = createExpectedJob({ notifier, logger, launch: launchNew });

  /** Follows a job's process until its log is delivered. */
  function follow({ request, delivery, announce }: GivenJob, process: JobProcess): AgentJob {
    freezeRequest(request);
    running.add(process);
    void notifier.notify("jobFollowed", { job: request });
    const announced = announce();
    const directory = store.directoryOf(request.id);
    const done = options.deliverer
      .deliver({ request, process, delivery, directory, notifier, logger, announced })
      .finally(() => running.delete(process));
    return {
      id: request.id,
      request,
      ended: process.finished,
      done,
      stop: (cause = byControlPlane) => process.stop(cause),
      kill: (cause = byControlPlane) => process.kill(cause),
      async release() {
        await notifier.notify("jobReleased", { job: request });
        store.release(request.id);
        expected.forget(request.id);
      },
    };
  }

  /** Stores the request, then runs it in its process. */
  function run(job: GivenJob, process: WaitingJobProcess): AgentJob {
    const { request, arrival } = job;
    try {
      store.write(request, { ...process.record, arrival });
    } catch (error) {
      process.dismiss();
      throw error;
    }
    return follow(job, process.run({ request, arrival }));
  }

  /** Reports a job that can never run as failed. */
  async function refuse(job: GivenJob, reason: string): Promise<AgentJob> {
    const { request, arrival } = job;
    job.process?.dismiss();
    return follow(job, toFinishedProcess(closeRefusedJob(request, { store, reason, arrival, logger })));
  }

  /** Runs a job, unless it is known that its log cannot be delivered. */
  async function begin(job: GivenJob, start: () => WaitingJobProcess): Promise<AgentJob> {
    const fault = options.deliverer.findFault(job.request);
    if (fault === undefined) return run(job, job.process ?? start());
    logger.error(`${fault}; the job is reported as failed`, { job: job.request.id });
    return refuse(job, fault);
  }

  function take(request: JobRequest, delivery: JobDelivery, isFetched: boolean): GivenJob {
    const { assignedAt, announced, process } = expected.take(request.id);
    const arrival = { assignedAt, ...(isFetched && { fetchedAt: Date.now() }) };
    const announce = () => announced.then(createJobHooks(notifier, request).started);
    return { request, delivery, arrival, announce, process };
  }

  async function claim(id: string, delivery: JobDelivery): Promise<AgentJob> {
    const arrival = store.readArrival(id);
    const toJob = (request: JobRequest, hook: "started" | "resumed"): GivenJob => {
      return { request, delivery, arrival, announce: createJobHooks(notifier, request)[hook] };
    };
    const steps: ClaimSteps = {
      refuse: (request, reason) => refuse(toJob(request, "started"), reason),
      begin: (request) => begin(toJob(request, "started"), () => launch(id, store.directoryOf(id), options)),
      follow: (request, process) => follow(toJob(request, "resumed"), process),
    };
    return claimLeftJob(id, { options: { ...options, launcher: toRenewing(options) }, steps });
  }

  return {
    left: store.list().map((id): LeftJob => ({ id, claim: (delivery) => claim(id, delivery) })),
    expect: expected.expect,
    start: async (request, delivery) => begin(take(request, delivery, true), () => launchNew(request.id)),
    fail: async (request, reason, delivery) => refuse(take(request, delivery, false), reason),
    hangingHooks: () => [...running].flatMap((process) => process.hangingHooks()),
    isBusy: () => running.size > 0,
    ...toContinuations(store),
    stopAll: (cause) => running.forEach((process) => process.stop(cause)),
    killAll: (cause) => running.forEach((process) => process.kill(cause)),
  };
}

function toContinuations(store: JobStore): Pick<SlotJobs, "areContinuable" | "areServed"> {
  const read = () => import("../job/journal/is-continuable.ts");
  const directories = () => store.list().map(store.directoryOf);
  return {
    areContinuable: async () => directories().every((await read()).isContinuable),
    areServed: async () => directories().some((await read()).isServed),
  };
}

const byControlPlane: StopCause = {
  by: "control-plane",
  reason: "the control plane has stopped the job",
};

function launch(jobId: string, directory: string, options: SlotJobsOptions): WaitingJobProcess {
  const renew = () => toNewPlace(jobId, directory, options);
  return options.launcher.start({ ...renew(), renew });
}

/** Jobs of earlier agent processes may get another process here. */
function toRenewing(options: SlotJobsOptions): Pick<JobLauncher, "resume"> {
  return {
    resume(request, place) {
      const renew = () => toNewPlace(place.jobId, place.directory, options);
      return options.launcher.resume(request, { ...place, renew });
    },
  };
}

function toNewPlace(
  jobId: string,
  directory: string,
  { logger, place, agentName }: SlotJobsOptions,
): NewJobPlace {
  const socket = toSocketPath(place.socketDirectories);
  const { home, user, slot } = place;
  return { jobId, directory, logger, socket, home, user, slot, agentName: agentName?.() };
}
