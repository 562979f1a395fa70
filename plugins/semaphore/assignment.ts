import {
  AgentError,
  type AgentJob,
  type JobDelivery,
  type JobResult,
  type JobSourceContext,
  type LeftJob,
  type StopCause,
  toMessage,
} from "signalman";
import type { HubClient } from "./client.ts";
import { fetchJob } from "./fetch-job.ts";
import type { Ownership } from "./ownership.ts";
import type { Attempts } from "./settings.ts";

/** A job that the control plane has assigned to this agent. */
export interface Assignment {
  readonly jobId: string;
  /** Stops the job; a job that has not started does not start. May be called at any time and repeatedly. */
  stop(cause: StopCause): void;
  /** Records that the control plane takes no more of the job's log. */
  lose(): void;
  /** Releases the job after the control plane has its result. Never rejects. */
  release(): Promise<void>;
  /** Resolves when the request is safe on disk, or when it is certain that it never will be. */
  readonly begun: Promise<void>;
}

export interface AssignmentOptions {
  readonly jobId: string;
  readonly context: Pick<JobSourceContext, "jobs" | "logger">;
  readonly client: Pick<HubClient, "getJob" | "refresh">;
  readonly attempts: Attempts;
  readonly origin: string;
  /** Certificates (PEM) to trust for the log server; the default ones when missing. */
  readonly ca?: readonly string[] | undefined;
  readonly confirmed: Ownership["confirmed"];
  onRunning(): void;
  /** Called exactly once, also after a failure. */
  onEnded(result: JobResult): void;
}

/** Fetches a job and runs it. A job that cannot run fails with the reason in its log (protocol sections 2.7, 3.2). */
export function fetchAssignment(options: AssignmentOptions): Assignment {
  const { jobId, client, attempts, origin, context } = options;
  const { jobs, logger } = context;
  return createAssignment(options, async (delivery, stopped) => {
    const onRetry = ({ message }: { message: string }, attempt: number) =>
      logger.warn(`fetching job ${jobId} failed: ${message} (attempt ${attempt} of ${attempts.count})`);
    const { request, refusal } = await fetchJob({
      client,
      jobId,
      attempts,
      origin,
      signal: stopped,
      onRetry,
    });
    if (refusal !== undefined) {
      logger.error(`job ${jobId} cannot run: ${refusal}`);
      return jobs.fail(request, refusal, delivery);
    }
    if (stopped.aborted) return jobs.fail(request, "The job was stopped before it began.", delivery);
    try {
      return await jobs.start(request, delivery);
    } catch (error) {
      logger.error(`job ${jobId} could not be started: ${toMessage(error)}`);
      return jobs.fail(request, `The agent could not start this job: ${toMessage(error)}`, delivery);
    }
  });
}

/** Resumes a job that an earlier process has started. */
export function claimAssignment(left: LeftJob, options: Omit<AssignmentOptions, "jobId">): Assignment {
  return createAssignment({ ...options, jobId: left.id }, (delivery) => left.claim(delivery));
}

type Obtain = (delivery: JobDelivery, stopped: AbortSignal) => Promise<AgentJob>;

function createAssignment(options: AssignmentOptions, obtain: Obtain): Assignment {
  const { jobId, client, context, confirmed, onRunning, onEnded } = options;
  const lost = new AbortController();
  const stopped = new AbortController();
  const begun = Promise.withResolvers<void>();
  let job: AgentJob | undefined;
  let wasStopped = false;
  let cause: StopCause | undefined;

  const run = async (): Promise<JobResult> => {
    job = await obtain(
      {
        refreshToken: coalesce(() => refreshToken(client)),
        lost: lost.signal,
        ca: options.ca,
        assured: confirmed,
      },
      stopped.signal,
    );
    wasStopped = stopped.signal.aborted;
    if (wasStopped) job.stop(cause);
    begun.resolve();
    onRunning();
    const { summary } = await job.done;
    return summary.result || "failed";
  };

  const follow = async (): Promise<void> => {
    let result: JobResult = "failed";
    try {
      result = await run();
      if (wasStopped && result === "failed") result = "stopped";
    } catch (error) {
      context.logger.error(`job ${jobId} failed: ${toMessage(error)}`);
    }
    begun.resolve();
    onEnded(result);
  };
  void follow();

  return {
    jobId,
    begun: begun.promise,
    stop(why) {
      cause ??= why;
      stopped.abort();
      job?.stop(why);
    },
    lose: () => lost.abort(),
    async release() {
      try {
        await job?.release();
      } catch (error) {
        context.logger.error(`job ${jobId} could not be released: ${toMessage(error)}`);
      }
    },
  };
}

async function refreshToken(client: Pick<HubClient, "refresh">): Promise<string> {
  const reply = await client.refresh();
  if (reply.ok) return reply.value;
  throw new AgentError(
    "CONTROL_PLANE_FAILED",
    `the token for the log server could not be renewed: ${reply.failure.message}`,
  );
}

/** Shares one call in flight between all callers. */
function coalesce<T>(call: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => (pending ??= call().finally(() => (pending = undefined)));
}
