import { join } from "node:path";
import { untilAborted } from "../core/aborted.ts";
import type { Host } from "../core/contracts/host.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import type { JobDelivery } from "../core/contracts/jobs.ts";
import type { LogDelivery } from "../core/contracts/log-backend.ts";
import type { Logger } from "../core/contracts/logger.ts";
import type { SpoolReader } from "../core/contracts/spool.ts";
import { toMessage } from "../core/errors.ts";
import { countUndelivered } from "../job/log/count-undelivered.ts";
import type { SpoolExtent } from "../job/log/spool-file.ts";
import { openSpool } from "../job/log/spool-reader.ts";
import type { JobProcess } from "../job/process/job-process.ts";
import { readDeliveryCursor } from "../job/state/job-documents.ts";
import { jobFiles } from "../job/state/job-files.ts";
import { createGarbageMeter } from "../os/this-process/garbage-meter.ts";
import { overwriteDocument } from "../os/state/overwritten-document.ts";
import { assertCreated } from "../job/assert-created.ts";
import { findEntry } from "../os/state/file.ts";
import { runBackend } from "./backend-run.ts";
import { findLogBackend, type LogMethodChoice } from "./log-method.ts";
import type { SlotNotifier } from "./slot-notifier.ts";

export interface LogDeliveryOptions {
  readonly host: Host;
  readonly logMethods: LogMethodChoice["logMethods"];
  readonly logger: Logger;
  /** The job's state directory. */
  readonly directory: string;
  readonly request: JobRequest;
  readonly process: JobProcess;
  readonly delivery: JobDelivery;
  readonly notifier: SlotNotifier;
}

export interface DeliveredLog {
  readonly log: LogDelivery;
  /** The part of the log that was read; `undefined` when it could not be opened. */
  readonly read: SpoolExtent | undefined;
}

/**
 * Delivers a job's log with its log backend, from the cursor of the last delivery. The delivery is
 * interrupted while the job's assignment to this agent is in doubt, and continues when it is confirmed again.
 */
export async function deliverLog(options: LogDeliveryOptions, signal: AbortSignal): Promise<DeliveredLog> {
  for (;;) {
    const doubted = await untilAborted(signal, Promise.resolve(options.delivery.assured?.()));
    const isLast = () => signal.aborted || !doubted?.aborted;
    const delivered = await deliverOnce(
      options,
      doubted ? AbortSignal.any([signal, doubted]) : signal,
      isLast,
    );
    if (isLast()) return delivered;
  }
}

async function deliverOnce(
  options: LogDeliveryOptions,
  signal: AbortSignal,
  isLast: () => boolean,
): Promise<DeliveredLog> {
  const { logger, request, process } = options;
  let reader: SpoolReader | undefined;
  try {
    reader = openAtCursor(options);
    const log = await deliverWithBackend(options, reader, signal);
    if (isLast()) {
      // After an abort the backend returns before the end of the log.
      await process.finished;
      await readToEnd(reader);
    }
    return { log, read: toExtent(reader) };
  } catch (error) {
    logger.error(`log delivery failed: ${toMessage(error)}`, { job: request.id });
    await process.finished;
    const undelivered = reader ? await readToEnd(reader) : 0;
    return { log: { trimmed: false, undelivered }, read: reader && toExtent(reader) };
  } finally {
    reader?.[Symbol.dispose]();
  }
}

async function deliverWithBackend(
  { host, logMethods, request, logger, delivery, directory, notifier, process }: LogDeliveryOptions,
  reader: SpoolReader,
  signal: AbortSignal,
): Promise<LogDelivery> {
  let delivered = reader.cursor;
  const collectGarbageAt = createGarbageMeter();
  using cursorFile = overwriteDocument(join(directory, jobFiles.delivery));
  const position = () => ({
    producedBytes: findEntry(join(directory, jobFiles.spool))?.size ?? 0,
    deliveredBytes: delivered.offset,
    deliveredEvents: delivered.event,
  });
  void notifier.notify("logOpened", { job: request, position });
  const factory = findLogBackend(request.logger.method, { host, logMethods });
  const backend = factory.open({
    job: request,
    logger,
    spool: reader,
    openReader: () => openSpool(join(directory, jobFiles.spool), { source: process.source }),
    saveCursor(cursor) {
      delivered = cursor;
      collectGarbageAt(cursor.offset);
      cursorFile.write({ event: cursor.event, offset: cursor.offset });
    },
    refreshToken: () => delivery.refreshToken(),
    ...(delivery.ca && { ca: delivery.ca }),
  });
  return await runBackend(assertCreated(backend, factory, ["run", Symbol.asyncDispose]), { signal, logger });
}

function toExtent({ cursor, checksum }: SpoolReader): SpoolExtent {
  return { bytes: cursor.offset, checksum };
}

/**
 * A crash of the machine may lose the cursor: the log is then delivered again from its beginning, and the
 * server replaces its events.
 */
function openAtCursor({ directory, process, logger, request }: LogDeliveryOptions): SpoolReader {
  const spool = join(directory, jobFiles.spool);
  const { source } = process;
  try {
    const cursor = readDeliveryCursor(directory);
    return openSpool(spool, { source, ...(cursor && { cursor }) });
  } catch (error) {
    logger.warn(`log delivery restarts at the beginning of the log: ${toMessage(error)}`, {
      job: request.id,
    });
    return openSpool(spool, { source });
  }
}

/** Returns the number of events that were left to read. */
async function readToEnd(reader: SpoolReader): Promise<number> {
  try {
    return await countUndelivered(reader);
  } catch {
    return 0;
  }
}
