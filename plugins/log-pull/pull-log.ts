import {
  countUndelivered,
  type LogBackendContext,
  type LogDelivery,
  type SpoolCursor,
  untilAborted,
} from "signalman";
import { createEventIndex } from "./event-index.ts";

/** The log of one job, which clients read and at last archive. Disposal ends every read. */
export interface PullLog extends Disposable {
  /**
   * Follows the job's log to its end, then waits until the log is archived or `signal` aborts. Called once.
   */
  run(signal: AbortSignal): Promise<LogDelivery>;
  /** See `PullLogs`. */
  read(startFrom: number): Iterable<Uint8Array>;
  archive(): void;
}

export function createPullLog(context: LogBackendContext): PullLog {
  const { spool, job } = context;
  const index = createEventIndex();
  const archived = Promise.withResolvers<void>();
  const progress = createProgress(context);
  // Opened now, so that the log can be read on whatever happens to its file.
  const reader = context.openReader();

  /** Indexes the log while the job writes it. */
  async function follow(signal: AbortSignal): Promise<void> {
    spool.seek(index.end);
    for (let batch = await spool.next({ signal }); batch; batch = await spool.next({ signal }))
      index.add(batch);
  }

  return {
    async run(signal) {
      try {
        await follow(signal);
        // An empty log leaves nothing to archive.
        const end = index.end.event === 0 ? "archived" : await waitFor(archived.promise, signal);
        if (end === "archived") progress.deliver(index.end);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      progress.close();
      const total = index.end.event + (await countUndelivered(spool));
      return {
        trimmed: spool.cursor.offset >= (job.logger.maxSizeInBytes || defaultMaxBytes),
        undelivered: Math.max(0, total - progress.event),
      };
    },
    *read(startFrom) {
      const { end } = index;
      if (startFrom >= end.event) return;
      let at = index.find(startFrom);
      while (at.event < startFrom) {
        const skipped = reader.peek(at, { maxEvents: startFrom - at.event, maxBytes: skipBytes });
        if (skipped === undefined) return;
        at = skipped.end;
      }
      while (at.event < end.event) {
        const batch = reader.peek(at, { maxEvents: end.event - at.event, maxBytes: chunkBytes });
        if (batch === undefined) return;
        yield batch.lines;
        at = batch.end;
        progress.deliver(at);
      }
    },
    archive: archived.resolve,
    [Symbol.dispose]() {
      reader[Symbol.dispose]();
    },
  };
}

/** The part of the log that clients have. */
interface Progress {
  readonly event: number;
  deliver(end: SpoolCursor): void;
  /** Saves no cursor from now on. */
  close(): void;
}

function createProgress({ spool, saveCursor }: LogBackendContext): Progress {
  let delivered: SpoolCursor = spool.cursor;
  let isOpen = true;
  return {
    get event() {
      return delivered.event;
    },
    deliver(end) {
      if (!isOpen || end.event <= delivered.event) return;
      delivered = end;
      saveCursor(end);
    },
    close: () => void (isOpen = false),
  };
}

async function waitFor(archived: Promise<void>, signal: AbortSignal): Promise<"archived" | "aborted"> {
  return (
    (await untilAborted(
      signal,
      archived.then(() => "archived" as const),
    )) ?? "aborted"
  );
}

/** Size from which a log counts as trimmed when the request sets none (protocol section 6.6). */
const defaultMaxBytes = 16 * 1024 * 1024;
const chunkBytes = 256 * 1024;
const skipBytes = 8 * 1024;
