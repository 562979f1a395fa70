import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { untilAborted } from "../core/aborted.ts";
import type { Host } from "../core/contracts/host.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { JobSummary } from "../core/contracts/job-summary.ts";
import type { JobOutcome } from "../core/contracts/jobs.ts";
import { toMessage } from "../core/errors.ts";
import { createCause } from "../job/cause.ts";
import { openSinks } from "../job/log/open-sinks.ts";
import { type SpoolExtent, toMismatch } from "../job/log/spool-file.ts";
import { openSpool } from "../job/log/spool-reader.ts";
import { findChange } from "../job/log/verify-spool.ts";
import type { JobProcess } from "../job/process/job-process.ts";
import { jobFiles } from "../job/state/job-files.ts";
import { findEntry } from "../os/state/file.ts";
import { createJobHooks, type JobEnd } from "./lifecycle.ts";
import { findLogBackend } from "./log-method.ts";
import { deliverLog, type LogDeliveryOptions } from "./log-delivery.ts";

/** A job whose log is to be delivered. */
export interface DeliveredJob extends Omit<LogDeliveryOptions, "host" | "logMethods"> {
  /** Resolves when plugins have handled the job's start; its end is announced after that. Never rejects. */
  readonly announced: Promise<void>;
}

/** Delivers the logs of jobs while they run and after, and announces their end. */
export interface Deliverer {
  /** Returns why the log of a job cannot be delivered: nothing provides its log method. */
  findFault(request: JobRequest): string | undefined;
  /** Resolves when the log sinks of all ended jobs have finished or were given up: at most 5 s after the last job. */
  settle(): Promise<void>;
  /** Resolves when the log was delivered or given up, and plugins have handled the job's end. Never rejects. */
  deliver(job: DeliveredJob): Promise<JobOutcome>;
}

export interface DelivererOptions {
  readonly host: Host;
  /** The log method of job requests → the log backend that serves it (`log-methods`). */
  readonly logMethods: Readonly<Record<string, string>>;
  /** Milliseconds for which a log may be delivered after its job has ended (`log-flush-timeout`). */
  readonly flushTimeoutMs: number;
}

export function createDeliverer(options: DelivererOptions): Deliverer {
  /** Sinks whose jobs have ended. They delay no result. */
  const finishing = new Set<Promise<void>>();
  const onSinks = (finished: Promise<void>) => {
    finishing.add(finished);
    void finished.finally(() => finishing.delete(finished));
  };
  return {
    findFault({ logger }) {
      try {
        findLogBackend(logger.method, options);
        return undefined;
      } catch (error) {
        return `the job's log cannot be delivered: ${toMessage(error)}`;
      }
    },
    deliver: (job) => deliverJob({ ...job, ...options, onSinks }),
    settle: async () => void (await Promise.all(finishing)),
  };
}

type Options = DeliveredJob &
  DelivererOptions & {
    /** Receives what resolves when the sinks of a job that has ended are finished. */
    readonly onSinks: (finished: Promise<void>) => void;
  };

async function deliverJob(options: Options): Promise<JobOutcome> {
  const { request, notifier, directory } = options;
  const { summary, log, damage } = await finish(options).catch((error: unknown) => giveUp(options, error));
  const spool = join(directory, jobFiles.spool);
  await createJobHooks(notifier, request).ended({ summary, log, damage, spool });
  return { summary, log };
}

type DeliveryEnd = Omit<JobEnd, "spool">;

/** Resolves when the job has ended and its log was delivered or given up. */
async function finish(options: Options): Promise<DeliveryEnd> {
  const { host, logger, request, process, delivery, flushTimeoutMs, notifier, announced } = options;
  const spool = join(options.directory, jobFiles.spool);
  const late = new AbortController();

  // 1. The backend and the sinks read the spool from disk, independently of each other.
  await waitForSpool(spool, process);
  const delivering = deliverLog(options, AbortSignal.any([delivery.lost, late.signal]));
  const openReader = () => openSpool(spool, { source: process.source });
  const sinks = openSinks({ host, job: request, logger, slot: notifier.slot, openReader });

  // 2. After the job's end the delivery has limited time, as have slow listeners of the job's start. What is
  //    not delivered stays on disk.
  const summary = await process.finished;
  const isLost = delivery.lost.aborted && summary.cause?.kind === "stopped";
  await notifier.notify("jobFinished", { job: request });
  const timer = setTimeout(() => late.abort(new Error("log-flush-timeout has expired")), flushTimeoutMs);
  options.onSinks(sinks.finish());
  const [{ log, read }] = await Promise.all([delivering, untilAborted(late.signal, announced)]);
  clearTimeout(timer);

  // 3. What the operator has to know.
  const damage = await findDamage(options, summary, read);
  // A directory that was removed costs no result; a log that was changed in it does.
  const isTampered = damage !== undefined && findEntry(options.directory) !== undefined;
  const result = isTampered && summary.result === "passed" ? "failed" : summary.result;
  if (damage !== undefined)
    logger.error(`${damage}; the job is reported as ${result}`, { job: request.id, spool });
  if (log.undelivered > 0) {
    const { undelivered: events, trimmed } = log;
    const hint = `\`signalman logs ${request.id}\` shows all of it`;
    logger.warn(`log delivered only in part; ${hint}`, { job: request.id, events, trimmed });
  }
  const cause =
    damage !== undefined && result !== summary.result
      ? createCause("tampered", damage)
      : isLost
        ? createCause("lost", "the job is no longer assigned to this agent")
        : summary.cause;
  return { summary: { ...summary, result, ...(cause && { cause }) }, log, damage };
}

/** A running job is waited for nevertheless: the next one must not run beside it. */
async function giveUp({ process, logger, request }: Options, error: unknown): Promise<DeliveryEnd> {
  logger.error(`log delivery was given up: ${toMessage(error)}`, { job: request.id });
  return { summary: await process.finished, log: { trimmed: true, undelivered: 0 } };
}

/** Whether another process changed the log, before it was delivered or after. */
async function findDamage(
  { directory, process }: Options,
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

/** The job's process creates the spool, or the agent does when it closes a dead job. */
async function waitForSpool(path: string, process: JobProcess): Promise<void> {
  const finished = process.finished.then(() => true);
  while (!findEntry(path) && !(await Promise.race([finished, sleep(2, false)])));
}
