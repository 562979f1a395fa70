import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import {
  countRest,
  type LogBackend,
  type LogBackendContext,
  type LogDelivery,
  type SpoolBatch,
  type SpoolCursor,
  toMessage,
} from "signalman";
import { createBackoff } from "./backoff.ts";
import { createBatchSize } from "./batch-size.ts";
import { createLogServer } from "./log-server.ts";
import { countEvents, createOutbox } from "./outbox.ts";
import { createOutage } from "./outage.ts";
import { createPace } from "./pace.ts";
import { shorten } from "./shorten.ts";

export interface LogPushOptions {
  readonly userAgent: string;
  readonly maxEvents: number;
  readonly maxBytes: number;
  /** The time between two pushes while the job goes on printing. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retryDelayMs: number;
  readonly retryDelayMaxMs: number;
}

/** Pushes one job's log: one request at a time, in order, each until the server has it. */
export function createLogPush(context: LogBackendContext, options: LogPushOptions): LogBackend {
  const { job, logger, spool, refreshToken, ca } = context;
  const server = createLogServer({ ...options, ...job.logger, refreshToken, ...(ca && { ca }) });
  const disposed = new AbortController();
  let running: Promise<LogDelivery> | undefined;
  let isSaved = true;

  async function push(stop: AbortSignal): Promise<LogDelivery> {
    const outbox = createOutbox(spool);
    const size = createBatchSize(options);
    const pace = createPace(options.intervalMs);
    const backoff = createBackoff({ baseMs: options.retryDelayMs, maxMs: options.retryDelayMaxMs });
    const outage = createOutage(logger, server.name);
    let place = spool.cursor;
    /** The event that the server gets without its end. */
    let shortened = -1;
    let undelivered = 0;

    const finish = async (trimmed: boolean): Promise<LogDelivery> => {
      await countRest(spool);
      return { trimmed, undelivered: undelivered + spool.cursor.event - place.event };
    };

    const accepted = (batch: SpoolBatch): void => {
      if (batch.start.event <= shortened && shortened < batch.end.event) undelivered += 1;
      place = batch.end;
      save(place);
      size.delivered();
      backoff.reset();
      outage.recovered();
    };

    /** What to send in the place of a batch that was too large, if there is something. */
    const toSmaller = (batch: SpoolBatch): SpoolBatch | undefined => {
      if (countEvents(batch) > 1) {
        size.shrink(batch);
        return batch;
      }
      const lines = shorten(batch.lines);
      if (lines === undefined) return undefined;
      shortened = batch.start.event;
      const fields = { event: shortened, bytes: batch.lines.length };
      logger.warn(`${server.name} finds an event of the job's log too large and gets its beginning`, fields);
      return { ...batch, lines };
    };

    while (!stop.aborted) {
      const batch = await outbox.take(size.limits, pace.due, stop).catch(stopped(stop));
      if (batch === undefined) break;
      pace.started();
      const answer = await server.post(batch, stop);
      if (answer.kind === "accepted") {
        accepted(batch);
        continue;
      }
      if (answer.kind === "trimmed") {
        logger.warn(`${server.name} has no more space for the job's log`, { delivered: place.event });
        await readOn(stop);
        return finish(true);
      }
      const smaller = answer.kind === "too-large" ? toSmaller(batch) : undefined;
      outbox.putBack(smaller ?? batch);
      if (smaller || stop.aborted) continue;
      // A line that is too slow for a whole batch would fail with it forever.
      if (batch.lines.length > safeBytes) size.shrink(batch);
      const { reason, retryAfterMs } = answer.kind === "failed" ? answer : tooLarge;
      outage.failed(reason);
      await sleep(backoff.next(retryAfterMs), undefined, { signal: stop }).catch(stopped(stop));
    }
    return finish(false);
  }

  /** To the end of a log of which nobody takes more, so that all that was not delivered is counted. */
  async function readOn(stop: AbortSignal): Promise<void> {
    while (await spool.next({ signal: stop }).catch(stopped(stop))) await nextTurn();
  }

  function save(cursor: SpoolCursor): void {
    try {
      context.saveCursor(cursor);
      isSaved = true;
    } catch (error) {
      // After a restart the server gets these events again, in their place.
      if (isSaved) logger.warn(`cannot save how much of the job's log was delivered: ${toMessage(error)}`);
      isSaved = false;
    }
  }

  return {
    run(signal) {
      running = push(AbortSignal.any([signal, disposed.signal]));
      return running;
    },
    async [Symbol.asyncDispose]() {
      disposed.abort();
      await running?.catch(() => {});
    },
  };
}

const safeBytes = 64 * 1024;
const tooLarge = { reason: "one event is too large for it", retryAfterMs: 0 };

/** Makes nothing of what was cut short because time is over. */
function stopped(stop: AbortSignal): (error: unknown) => undefined {
  return (error) => {
    if (!stop.aborted) throw error;
    return undefined;
  };
}
