import type { JobRequest } from "../../core/contracts/job-request.ts";
import type { JobResult } from "../../core/contracts/job-events.ts";
import type { AgentJob, JobDelivery, LeftJob } from "../../core/contracts/jobs.ts";
import { untilAborted } from "../../core/aborted.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { parseJobRequest, toJobRequest } from "../../job/request/parse.ts";
import { isJobId } from "../../job/state/job-files.ts";
import { createPause } from "./pause.ts";
import type { ClaimedJob, SimpleRun } from "./simple-source-options.ts";

/** Runs a claimed job until its result is stored, or until a hand-over. */
export async function startJob(claimed: ClaimedJob, run: SimpleRun): Promise<void> {
  const { id } = claimed;
  const { jobs, logger } = run.context;
  if (typeof id !== "string" || !isJobId(id)) {
    logger.error(
      `job with the invalid id ${Bun.inspect(id)} is reported as failed: expected a text such as a UUID`,
    );
    return report(id, "failed", run);
  }
  logger.info(`job ${id} is assigned`);
  jobs.expect(id);
  let request = withId(claimed, toJobRequest({ commands: [] }).request, run);
  let job: AgentJob;
  try {
    request = withId(claimed, await parse(claimed), run);
    job = await jobs.start(request, delivery);
  } catch (error) {
    logger.error(`job ${id} cannot run: ${toMessage(error)}`);
    job = await jobs.fail(request, toMessage(error), delivery);
  }
  await follow(job, run);
}

/** Resumes a job that an earlier process has left. */
export async function finishJob(left: LeftJob, run: SimpleRun): Promise<void> {
  await follow(await left.claim(delivery), run);
}

/** A queue issues no tokens and takes no job away. */
const delivery: JobDelivery = {
  lost: new AbortController().signal,
  async refreshToken() {
    throw new AgentError("CONTROL_PLANE_FAILED", "this job source issues no tokens for a log server");
  },
};

async function parse({ id, request }: ClaimedJob): Promise<JobRequest> {
  if (typeof request !== "string") return toJobRequest(request, { name: id }).request;
  return (await parseJobRequest(request, { name: id })).request;
}

function withId({ id }: ClaimedJob, request: JobRequest, { options }: SimpleRun): JobRequest {
  const { logMethod = request.logger.method } = options;
  return { ...request, id, logger: { ...request.logger, method: logMethod } };
}

async function follow(job: AgentJob, run: SimpleRun): Promise<void> {
  const { handOver } = run.context.signals;
  const ended = new AbortController();
  // Not awaited: a queue that does not answer must not hold up the end of the job.
  void stopOnRequest(job, run, AbortSignal.any([ended.signal, handOver]));
  const outcome = await untilAborted(handOver, job.done);
  ended.abort();
  if (outcome === undefined) return;
  await report(job.id, outcome.summary.result, run);
  if (!handOver.aborted) await job.release();
}

async function stopOnRequest(
  job: AgentJob,
  { context: { logger }, options, slot }: SimpleRun,
  signal: AbortSignal,
): Promise<void> {
  const pause = createPause(options.pollMs);
  while (options.isStopped && !signal.aborted) {
    try {
      if (await options.isStopped(job.id, slot)) return job.stop();
      await pause.reset(signal);
    } catch (error) {
      logger.debug(`it is unknown whether job ${job.id} must be stopped: ${toMessage(error)}`);
      await pause.grow(signal);
    }
  }
}

/** The queue may be away for a while. */
async function report(
  jobId: string,
  result: JobResult,
  { context, options, slot }: SimpleRun,
): Promise<void> {
  const { logger, signals } = context;
  const pause = createPause(options.pollMs);
  for (let attempt = 0; !signals.handOver.aborted; attempt++) {
    try {
      await untilAborted(signals.handOver, Promise.resolve(options.report(jobId, result, slot)));
      if (!signals.handOver.aborted) logger.info(`job ${jobId}: ${result}`);
      return;
    } catch (error) {
      logger[attempt === 0 ? "error" : "debug"](`result of job ${jobId} not stored yet: ${toMessage(error)}`);
      await pause.grow(signals.handOver);
    }
  }
}
