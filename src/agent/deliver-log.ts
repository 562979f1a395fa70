import { statSync } from "node:fs";
import { join } from "node:path";
import { aborted } from "../core/aborted.ts";
import { toMessage } from "../core/errors.ts";
import type { Host } from "../core/contracts/host.ts";
import type { JobProcess } from "../job/process/job-process.ts";
import type { JobRequest } from "../core/contracts/job-request.ts";
import { jobFiles } from "../job/process/messages.ts";
import type { LogDelivery } from "../core/contracts/log-backend.ts";
import { countUndelivered } from "../job/log/count-undelivered.ts";
import type { SpoolExtent } from "../job/log/spool-file.ts";
import { openSpool } from "../job/log/spool-reader.ts";
import type { SpoolCursor, SpoolReader } from "../core/contracts/spool.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { logBackend } from "../core/contracts/services.ts";
import { readDocument, writeDocument } from "../os/state/document.ts";
import type { JobDelivery } from "../core/contracts/jobs.ts";
import type { JobBoard } from "./status-board.ts";

export interface DeliverLogOptions {
  readonly host: Host;
  readonly logger: Logger;
  /** Of the job, in the state directory. */
  readonly directory: string;
  readonly request: JobRequest;
  readonly process: JobProcess;
  readonly delivery: JobDelivery;
  readonly board: JobBoard;
}

/** `read`: what was read of the log, unless it could not be opened. */
export interface DeliveredLog {
  readonly log: LogDelivery;
  readonly read: SpoolExtent | undefined;
}

/** Gives a job's log to its backend: from where the last one stopped, and anew as often as it was in doubt whose job it is. */
export async function deliverLog(options: DeliverLogOptions, signal: AbortSignal): Promise<DeliveredLog> {
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

async function deliverOnce(
  options: DeliverLogOptions,
  signal: AbortSignal,
  isLast: () => boolean,
): Promise<DeliveredLog> {
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
  { directory, process, logger, request }: DeliverLogOptions,
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

/** Whoever asks for the status gets an answer, whatever a job has done to its log. */
function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

async function rest(reader: SpoolReader): Promise<number> {
  try {
    return await countUndelivered(reader);
  } catch {
    return 0;
  }
}
