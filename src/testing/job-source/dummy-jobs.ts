import type { JobResult } from "../../core/contracts/job-events.ts";
import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { AgentJob, JobDelivery, JobOutcome, Jobs } from "../../core/contracts/jobs.ts";

/** A job that a test controls. `stop` ends it with the result `stopped`, unless `isStubborn` is set. */
export interface DummyJob {
  readonly request: JobRequest;
  /** Why the job failed before it started. */
  readonly reason: string | undefined;
  readonly delivery: JobDelivery;
  /** Number of calls of `stop`. */
  readonly stops: number;
  readonly isReleased: boolean;
  finish(result: JobResult): void;
}

/** The jobs of a slot without processes: a test ends them. */
export interface DummyJobs extends Jobs {
  /** All jobs that were started, failed or claimed, in order. */
  readonly all: readonly DummyJob[];
  /** Largest number of jobs that were held at the same time: started, failed or claimed, and not released. */
  readonly mostHeld: number;
  /** Resolves with the job at this index once it exists. */
  at(index: number): Promise<DummyJob>;
}

/** Options of `createDummyJobs`. */
export interface DummyJobsOptions {
  /** Requests of jobs that an earlier process left, with the results of finished ones. */
  readonly left?: readonly { readonly request: JobRequest; readonly result?: JobResult }[];
  /** Jobs ignore `stop` and end by `finish` only. */
  readonly isStubborn?: boolean;
  /** Called when a job is started. May throw or delay the start. */
  readonly onStart?: (request: JobRequest) => void | Promise<void>;
  /** Called when a job is released. */
  readonly onRelease?: (job: DummyJob) => void;
}

/** Creates the jobs of a slot, which run nothing: the test finishes them. */
export function createDummyJobs(options: DummyJobsOptions = {}): DummyJobs {
  const { left = [], onStart } = options;
  const all: DummyJob[] = [];
  let mostHeld = 0;

  const add = (request: JobRequest, delivery: JobDelivery, reason?: string): Added => {
    const added = createDummyJob({ request, delivery, reason }, options);
    all.push(added.dummy);
    mostHeld = Math.max(mostHeld, all.filter(({ isReleased }) => !isReleased).length);
    return added;
  };

  return {
    all,
    get mostHeld() {
      return mostHeld;
    },
    left: left.map(({ request, result }) => ({
      id: request.id,
      async claim(delivery) {
        const { dummy, job } = add(request, delivery);
        if (result !== undefined) dummy.finish(result);
        return job;
      },
    })),
    async at(index) {
      while (all[index] === undefined) await Bun.sleep(2);
      return all[index];
    },
    expect() {},
    async start(request, delivery) {
      await onStart?.(request);
      return add(request, delivery).job;
    },
    async fail(request, reason, delivery) {
      const { dummy, job } = add(request, delivery, reason);
      dummy.finish("failed");
      return job;
    },
  };
}

interface Added {
  readonly dummy: DummyJob;
  readonly job: AgentJob;
}

function createDummyJob(
  given: Pick<DummyJob, "request" | "delivery" | "reason">,
  { isStubborn, onRelease }: DummyJobsOptions,
): Added {
  const done = Promise.withResolvers<JobOutcome>();
  const dummy = {
    ...given,
    stops: 0,
    isReleased: false,
    finish: (result: JobResult) =>
      done.resolve({
        summary: {
          result,
          times: { startedAt: 1, finishedAt: 2 },
          durationMs: 1,
          log: { events: 1, bytes: 1, droppedBytes: 0 },
        },
        log: { trimmed: false, undelivered: 0 },
      }),
  };
  const job: AgentJob = {
    id: given.request.id,
    request: given.request,
    ended: done.promise.then(({ summary }) => summary),
    done: done.promise,
    stop() {
      dummy.stops += 1;
      if (isStubborn !== true) dummy.finish("stopped");
    },
    kill: () => dummy.finish("stopped"),
    async release() {
      onRelease?.(dummy);
      dummy.isReleased = true;
    },
  };
  return { dummy, job };
}
