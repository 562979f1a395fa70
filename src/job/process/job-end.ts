import { closeDeadJob, findResult, type JobEnd, type JobEndOptions } from "./close-dead-job.ts";

/** Decides how a job ended whose process reported its result or died: by the result on disk, by the reported one, or as a dead job. */
export async function findJobEnd(options: JobEndOptions): Promise<JobEnd> {
  const { directory, jobId, logger, unstored } = options;
  const { summary } = findResult(directory);
  if (summary) return { summary, rest: new Uint8Array(), isDead: false };
  if (unstored) logger.error(unstored.reason, { job: jobId });
  if (unstored?.isLogWhole) return { summary: unstored.summary, rest: new Uint8Array(), isDead: false };
  return closeDeadJob(options);
}
