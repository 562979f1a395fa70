import {
  AgentError,
  type AgentJob,
  type JobDelivery,
  type JobResult,
  type JobSourceContext,
  type LeftJob,
  toMessage,
} from "signalman";
import type { Assurance } from "./assurance.ts";
import type { HubClient } from "./client.ts";
import { fetchJob } from "./fetch-job.ts";
import type { Attempts } from "./settings.ts";

/** The job that the control plane has given us. */
export interface Assignment {
  readonly jobId: string;
  /** Safe at any moment, and more than once: a job that has not begun does not begin. */
  stop(): void;
  /** Its log has nowhere to go. */
  lose(): void;
  /** Its result is with the control plane. Never rejects. */
  release(): Promise<void>;
  /** Resolves when its request is safe on disk, or will never be. */
  readonly begun: Promise<void>;
}

export interface AssignmentOptions {
  readonly jobId: string;
  readonly context: Pick<JobSourceContext, "jobs" | "logger">;
  readonly client: Pick<HubClient, "getJob" | "refresh">;
  readonly attempts: Attempts;
  readonly origin: string;
  /** Certificates (PEM) that its log server is trusted by; the usual ones without it. */
  readonly ca?: readonly string[] | undefined;
  readonly assured: Assurance["assured"];
  onRunning(): void;
  /** Called once, whatever happens. */
  onEnded(result: JobResult): void;
}

/** Fetches a job and runs it; what cannot run fails, with a reason in its log (protocol sections 2.7, 3.2). */
export function fetchAssignment(options: AssignmentOptions): Assignment {
  const { jobId, client, attempts, origin, context } = options;
  const { jobs, logger } = context;
  return createAssignment(options, async (delivery, stopped) => {
    const onRetry = ({ message }: { message: string }, attempt: number) =>
      logger.warn(`could not get job ${jobId}: ${message} (attempt ${attempt} of ${attempts.count})`);
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

/** Goes on with a job that an earlier process has started. */
export function claimAssignment(left: LeftJob, options: Omit<AssignmentOptions, "jobId">): Assignment {
  return createAssignment({ ...options, jobId: left.id }, (delivery) => left.claim(delivery));
}

type Obtain = (delivery: JobDelivery, stopped: AbortSignal) => Promise<AgentJob>;

function createAssignment(options: AssignmentOptions, obtain: Obtain): Assignment {
  const { jobId, client, context, assured, onRunning, onEnded } = options;
  const lost = new AbortController();
  const stopped = new AbortController();
  const begun = Promise.withResolvers<void>();
  let job: AgentJob | undefined;
  let isRefused = false;

  const run = async (): Promise<JobResult> => {
    job = await obtain(
      { refreshToken: coalesce(() => refreshToken(client)), lost: lost.signal, ca: options.ca, assured },
      stopped.signal,
    );
    isRefused = stopped.signal.aborted;
    if (isRefused) job.stop();
    begun.resolve();
    onRunning();
    const { summary } = await job.done;
    return summary.result || "failed";
  };

  const follow = async (): Promise<void> => {
    let result: JobResult = "failed";
    try {
      result = await run();
      if (isRefused && result === "failed") result = "stopped";
    } catch (error) {
      context.logger.error(`job ${jobId} has failed: ${toMessage(error)}`);
    }
    begun.resolve();
    onEnded(result);
  };
  void follow();

  return {
    jobId,
    begun: begun.promise,
    stop() {
      stopped.abort();
      job?.stop();
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
  throw new AgentError("CONTROL_PLANE_FAILED", `no new token for the log server: ${reply.failure.message}`);
}

/** Who calls while a call is under way gets its outcome. */
function coalesce<T>(call: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => (pending ??= call().finally(() => (pending = undefined)));
}
