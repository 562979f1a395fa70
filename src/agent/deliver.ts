import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "../core/errors.ts";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import type { JobProcess } from "../job/process/job-process.ts";
import { jobFiles } from "../job/process/messages.ts";
import { openSinks } from "../job/log/open-sinks.ts";
import type { SpoolExtent } from "../job/log/spool-file.ts";
import { openSpool } from "../job/log/spool-reader.ts";
import { findChange, toMismatch } from "../job/log/verify-spool.ts";
import { deliverLog, type DeliverLogOptions } from "./deliver-log.ts";
import type { JobOutcome } from "../core/contracts/jobs.ts";

export interface DeliverJobOptions extends DeliverLogOptions {
  readonly slot: number;
  /** How long the log may still take once the job is over (`log-flush-timeout`). */
  readonly flushTimeoutMs: number;
}

/** Brings a job's log to where its request wants it, while the job runs and after, and tells the plugins of its end. Never rejects. */
export async function deliverJob(options: DeliverJobOptions): Promise<JobOutcome> {
  const { slot, host, request: job, board } = options;
  const { summary, log, damage } = await finish(options).catch((error: unknown) => giveUp(options, error));

  // Whoever wants the whole log (an artifact) has it before the result is reported.
  const trimmed = log.trimmed || summary.log.droppedBytes > 0;
  const spool = join(options.directory, jobFiles.spool);
  await host.call("agent:log-flushed", { slot, job, trimmed, spool });
  await host.call("agent:job-ended", {
    slot,
    jobId: job.id,
    job,
    delivery: log,
    ...summary,
    ...(damage !== undefined && { damage }),
  });
  board.phase("reporting");
  return { summary, log };
}

interface Ended extends JobOutcome {
  readonly damage?: string | undefined;
}

/** Resolves when the job is over, and its log is where it should be, or given up. */
async function finish(options: DeliverJobOptions): Promise<Ended> {
  const { host, logger, request, process, delivery, flushTimeoutMs, board } = options;
  const spool = join(options.directory, jobFiles.spool);
  const late = new AbortController();

  // 1. Both read the spool from disk, each at its own pace.
  await waitForSpool(spool, process);
  const delivering = deliverLog(options, AbortSignal.any([delivery.lost, late.signal]));
  const sinks = openSinks({
    host,
    job: request,
    logger,
    reader: () => openSpool(spool, { source: process.source }),
  });

  // 2. The job is over; its log may take a while longer, and what is not delivered then stays here.
  const summary = await process.finished;
  board.phase("flushing");
  const timer = setTimeout(() => late.abort(new Error("log-flush-timeout is over")), flushTimeoutMs);
  const [{ log, read }] = await Promise.all([delivering, sinks.finish()]);
  clearTimeout(timer);
  const damage = await findDamage(options, summary, read);
  if (damage !== undefined) logger.error(damage, { job: request.id, spool });
  if (log.undelivered > 0) {
    logger.warn("not all of the log was delivered; `signalman logs` has it whole", {
      job: request.id,
      events: log.undelivered,
      trimmed: log.trimmed,
    });
  }
  return { summary, log, damage };
}

/** A job that runs is waited for all the same: the next one must not run beside it. */
async function giveUp({ process, logger, request }: DeliverJobOptions, error: unknown): Promise<Ended> {
  logger.error(`the log may not be delivered whole: ${toMessage(error)}`, { job: request.id });
  return { summary: await process.finished, log: { trimmed: true, undelivered: 0 } };
}

/** Whether another process changed the log, before it was read or after. */
async function findDamage(
  { directory, process }: DeliverJobOptions,
  { log }: JobSummary,
  read: SpoolExtent | undefined,
): Promise<string | undefined> {
  if (process.source.rest?.length) return undefined;
  const delivered = read && toMismatch(read, log);
  if (delivered !== undefined)
    return `another process changed the job's log before it was delivered: ${delivered}`;
  const kept = await findChange(join(directory, jobFiles.spool), log);
  return kept && `another process changed the job's log on this host: ${kept}`;
}

/** The job's process makes the spool, or whoever buries it. */
async function waitForSpool(path: string, process: JobProcess): Promise<void> {
  const over = process.finished.then(() => true);
  while (!existsSync(path) && !(await Promise.race([over, sleep(2, false)])));
}
