import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "../errors.ts";
import type { Host } from "../host/host.ts";
import type { JobProcess } from "../job/process.ts";
import type { JobRequest } from "../job/request.ts";
import { jobFiles } from "../job/wire.ts";
import type { LogDelivery } from "../log/backend.ts";
import type { SpoolExtent } from "../log/spool-file.ts";
import { countRest } from "../log/count-rest.ts";
import { openSinks } from "../log/open-sinks.ts";
import { openSpool, type SpoolCursor, type SpoolReader } from "../log/spool-reader.ts";
import { findChange, toMismatch } from "../log/verify-spool.ts";
import type { JobSummary } from "../hooks.ts";
import type { Logger } from "../logger/logger.ts";
import { logBackend } from "../services.ts";
import { readDocument, writeDocument } from "../state/document.ts";
import type { JobDelivery, JobOutcome } from "./jobs.ts";
import type { JobBoard } from "./status.ts";

export interface DeliverJobOptions {
  readonly slot: number;
  readonly host: Host;
  readonly logger: Logger;
  /** Of the job, in the state directory. */
  readonly directory: string;
  readonly request: JobRequest;
  readonly process: JobProcess;
  readonly delivery: JobDelivery;
  /** How long the log may still take once the job is over (`log-flush-timeout`). */
  readonly flushTimeoutMs: number;
  readonly board: JobBoard;
}

/** Brings a job's log to where its request wants it, while the job runs and after. Resolves when that is over. */
export async function deliverJob(options: DeliverJobOptions): Promise<JobOutcome> {
  const { slot, host, logger, request, process, delivery, flushTimeoutMs, board } = options;
  const spool = join(options.directory, jobFiles.spool);
  const late = new AbortController();

  // 1. Both read the spool from disk, each at its own pace.
  await waitForSpool(spool, process);
  const delivering = deliver(options, AbortSignal.any([delivery.lost, late.signal]));
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

  // 3. Whoever wants the whole log (an artifact) has it before the result is reported.
  const trimmed = log.trimmed || summary.log.droppedBytes > 0;
  await host.call("agent:log-flushed", { slot, job: request, trimmed, spool });
  await host.call("agent:job-ended", {
    slot,
    jobId: request.id,
    executor: request.executor,
    job: request,
    delivery: log,
    ...summary,
    ...(damage !== undefined && { damage }),
  });
  board.phase("reporting");
  return { summary, log };
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

/** From where the last one stopped, as often as it is in doubt whose job it is. */
async function deliver(options: DeliverJobOptions, signal: AbortSignal): Promise<Delivered> {
  for (;;) {
    const doubted = await Promise.race([options.delivery.assured?.(), aborted(signal)]);
    const isLast = () => signal.aborted || !doubted?.aborted;
    const delivered = await deliverOnce(
      options,
      doubted ? AbortSignal.any([signal, doubted]) : signal,
      isLast,
    );
    if (isLast()) return delivered;
  }
}

/** `read`: what was read of the log, unless it could not be opened. */
interface Delivered {
  readonly log: LogDelivery;
  readonly read: SpoolExtent | undefined;
}

async function deliverOnce(
  options: DeliverJobOptions,
  signal: AbortSignal,
  isLast: () => boolean,
): Promise<Delivered> {
  const { host, request, logger, delivery, directory } = options;
  const cursorPath = join(directory, jobFiles.delivery);
  let reader: SpoolReader | undefined;
  try {
    reader = openAtCursor(cursorPath, options);
    let delivered = reader.cursor;
    options.board.log(() => ({
      producedBytes: sizeOf(join(directory, jobFiles.spool)),
      deliveredBytes: delivered.offset,
      deliveredEvents: delivered.event,
    }));
    await using backend = host.use(logBackend, request.logger.method).open({
      job: request,
      logger,
      spool: reader,
      saveCursor(place) {
        delivered = place;
        writeDocument(cursorPath, place, { isSynced: false });
      },
      refreshToken: () => delivery.refreshToken(),
      ...(delivery.ca && { ca: delivery.ca }),
    });
    const log = await backend.run(signal);
    if (isLast()) {
      // One whose time was over has left earlier.
      await options.process.finished;
      await rest(reader);
    }
    return { log, read: toExtent(reader) };
  } catch (error) {
    logger.error(`the log could not be delivered: ${toMessage(error)}`, { job: request.id });
    await options.process.finished;
    const undelivered = reader ? await rest(reader) : 0;
    return { log: { trimmed: false, undelivered }, read: reader && toExtent(reader) };
  } finally {
    reader?.[Symbol.dispose]();
  }
}

function toExtent({ cursor, checksum }: SpoolReader): SpoolExtent {
  return { bytes: cursor.offset, checksum };
}

/** Where the delivery stopped. A crash of the machine may cost the place: then all is delivered again, in its place. */
function openAtCursor(
  cursorPath: string,
  { directory, process, logger, request }: DeliverJobOptions,
): SpoolReader {
  const spool = join(directory, jobFiles.spool);
  const { source } = process;
  try {
    const cursor = readDocument<SpoolCursor>(cursorPath);
    return openSpool(spool, { source, ...(cursor && { cursor }) });
  } catch (error) {
    logger.warn(`the job's log is delivered from its beginning: ${toMessage(error)}`, { job: request.id });
    return openSpool(spool, { source });
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

async function aborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await once(signal, "abort");
}

async function rest(reader: SpoolReader): Promise<number> {
  try {
    return await countRest(reader);
  } catch {
    return 0;
  }
}

/** The job's process makes the spool, or whoever buries it. */
async function waitForSpool(path: string, process: JobProcess): Promise<void> {
  const over = process.finished.then(
    () => true,
    () => true,
  );
  while (!existsSync(path) && !(await Promise.race([over, sleep(2, false)])));
}
