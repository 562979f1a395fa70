import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toMessage } from "../errors.ts";
import type { Host } from "../host/host.ts";
import type { JobProcess } from "../job/process.ts";
import type { JobRequest } from "../job/request.ts";
import { jobFiles } from "../job/wire.ts";
import type { LogDelivery } from "../log/backend.ts";
import { countRest } from "../log/count-rest.ts";
import { openSinks } from "../log/open-sinks.ts";
import { openSpool } from "../log/spool-reader.ts";
import type { SpoolCursor, SpoolReader } from "../log/spool.ts";
import type { Logger } from "../logger/logger.ts";
import { logBackend } from "../services.ts";
import { readDocument, writeDocument } from "../state/document.ts";
import type { JobDelivery, JobOutcome } from "./jobs.ts";

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
}

/** Brings a job's log to where its request wants it, while the job runs and after. Resolves when that is over. */
export async function deliverJob(options: DeliverJobOptions): Promise<JobOutcome> {
  const { slot, host, logger, request, process, delivery, flushTimeoutMs } = options;
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
  const timer = setTimeout(() => late.abort(new Error("log-flush-timeout is over")), flushTimeoutMs);
  const [log] = await Promise.all([delivering, sinks.finish()]);
  clearTimeout(timer);
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
  await host.call("agent:job-ended", { slot, jobId: request.id, executor: request.executor, ...summary });
  return { summary, log };
}

/** From where the last one stopped, as often as it is in doubt whose job it is. */
async function deliver(options: DeliverJobOptions, signal: AbortSignal): Promise<LogDelivery> {
  for (;;) {
    const doubted = await Promise.race([options.delivery.assured?.(), aborted(signal)]);
    const log = await deliverOnce(options, doubted ? AbortSignal.any([signal, doubted]) : signal);
    if (signal.aborted || !doubted?.aborted) return log;
  }
}

async function deliverOnce(options: DeliverJobOptions, signal: AbortSignal): Promise<LogDelivery> {
  const { host, request, logger, delivery, directory } = options;
  const cursorPath = join(directory, jobFiles.delivery);
  using reader = openAtCursor(cursorPath, options);
  try {
    await using backend = host.use(logBackend, request.logger.method).open({
      job: request,
      logger,
      spool: reader,
      saveCursor: (place) => writeDocument(cursorPath, place, { isSynced: false }),
      refreshToken: () => delivery.refreshToken(),
      ...(delivery.ca && { ca: delivery.ca }),
    });
    return await backend.run(signal);
  } catch (error) {
    logger.error(`the log could not be delivered: ${toMessage(error)}`, { job: request.id });
    await options.process.finished;
    return { trimmed: false, undelivered: await rest(reader) };
  }
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
