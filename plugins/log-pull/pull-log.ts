import {
  countUndelivered,
  type LogBackendContext,
  type LogDelivery,
  type SpoolCursor,
  untilAborted,
  type SpoolBatch,
  type LogBackend,
} from "signalman";

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

/**
 * Opens the delivery of one job's log to clients that read it. Disposal ends the delivery; the log can be
 * read on, so that a client that asks late is answered.
 */
export function openPullBackend(context: LogBackendContext, onOpen: (log: PullLog) => void): LogBackend {
  const log = createPullLog(context);
  const disposed = new AbortController();
  let running: Promise<LogDelivery> | undefined;
  onOpen(log);
  return {
    run(signal) {
      running = log.run(AbortSignal.any([signal, disposed.signal]));
      return running;
    },
    async [Symbol.asyncDispose]() {
      disposed.abort();
      await running?.catch(() => {});
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

/** The positions of every 64th event of a log, so that any event is found by reading little of the log. */
interface EventIndex {
  /** The position after the last event. */
  readonly end: SpoolCursor;
  /** Adds the events that follow. */
  add(batch: SpoolBatch): void;
  /** Returns the last indexed position at or before an event. */
  find(event: number): SpoolCursor;
}

function createEventIndex(): EventIndex {
  const offsets: number[] = [];
  let end: SpoolCursor = { event: 0, offset: 0 };
  return {
    get end() {
      return end;
    },
    add({ start, end: next, lines }) {
      let event = start.event;
      for (let at = 0; at < lines.length; at = lines.indexOf(newline, at) + 1) {
        if (event % stride === 0) offsets.push(start.offset + at);
        event += 1;
      }
      end = next;
    },
    find(event) {
      const index = Math.min(Math.floor(event / stride), offsets.length - 1);
      return index < 0 ? { event: 0, offset: 0 } : { event: index * stride, offset: offsets[index]! };
    },
  };
}

const stride = 64;
const newline = 0x0a;
