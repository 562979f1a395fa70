import { setTimeout as sleep } from "node:timers/promises";
import {
  AgentError,
  type AgentJob,
  type JobDelivery,
  type JobRequest,
  type JobResult,
  type JobSourceContext,
  type LeftJob,
  parseJobRequest,
  toJobRequest,
  toMessage,
  untilAborted,
} from "signalman";
import type { ClaimedJob } from "./folder.ts";

/** Runs a job. One whose file is not a job request fails, with the reason in its log. */
export async function startJob(job: ClaimedJob, { jobs, logger }: JobSourceContext): Promise<AgentJob> {
  logger.info(`job ${job.id} is assigned`);
  jobs.expect(job.id);
  const refuse = (error: unknown, request: JobRequest) => {
    logger.error(`job ${job.id} cannot run: ${toMessage(error)}`);
    return jobs.fail(request, toMessage(error), delivery);
  };
  let request: JobRequest;
  try {
    request = withId(job.id, (await parseJobRequest(await job.read(), { name: `${job.id}.yaml` })).request);
  } catch (error) {
    return refuse(error, withId(job.id, toJobRequest({ commands: [] }).request));
  }
  return jobs.start(request, delivery).catch((error: unknown) => refuse(error, request));
}

/** Takes over a job that an earlier process has started. */
export function claimJob(left: LeftJob): Promise<AgentJob> {
  return left.claim(delivery);
}

export interface FinishOptions {
  readonly context: JobSourceContext;
  /** Milliseconds between two attempts to report, and two looks for a request to stop. */
  readonly pollMs: number;
}

/**
 * Waits for a job's end, reports its result until that is on disk, and releases it. Returns at once at a
 * hand-over, and changes nothing.
 */
export async function finishJob(running: AgentJob, job: ClaimedJob, options: FinishOptions): Promise<void> {
  const { context, pollMs } = options;
  const { handOver } = context.signals;
  const over = new AbortController();
  const signal = AbortSignal.any([handOver, over.signal]);
  const stop = stopOnRequest(running, job, { pollMs, signal });
  const outcome = await untilAborted(signal, running.done);
  over.abort();
  await stop;
  if (handOver.aborted || outcome === undefined) return;
  await report(job, outcome.summary.result, options);
  if (handOver.aborted) return;
  await running.release();
  context.state.remove("claim");
}

/** The directory issues no tokens and takes no job away. */
const delivery: JobDelivery = {
  lost: new AbortController().signal,
  async refreshToken() {
    throw new AgentError("FOLDER_SOURCE_TOKEN", "a directory of jobs issues no tokens for a log server");
  },
};

/** The id is that of the claim, and the log goes to the plugin's own log backend. */
function withId(id: string, request: JobRequest): JobRequest {
  return { ...request, id, logger: { ...request.logger, method: "folder" } };
}

async function stopOnRequest(
  running: AgentJob,
  job: ClaimedJob,
  { pollMs, signal }: { readonly pollMs: number; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    if (job.isStopRequested()) return running.stop();
    await sleep(pollMs, undefined, { signal }).catch(() => {});
  }
}

/** The directory may be full or away for a while: a result is reported until it is written. */
async function report(job: ClaimedJob, result: JobResult, { context, pollMs }: FinishOptions): Promise<void> {
  const { logger, signals } = context;
  while (!signals.handOver.aborted) {
    try {
      job.report(result);
      logger.info(`job ${job.id}: ${result}`);
      return;
    } catch (error) {
      logger.error(`the result of job ${job.id} could not be written: ${toMessage(error)}`);
      await sleep(pollMs, undefined, { signal: signals.handOver }).catch(() => {});
    }
  }
}
