import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import {
  createOutageLog,
  type LogBackend,
  type LogBackendContext,
  type LogDelivery,
  type SpoolBatch,
  type SpoolReader,
  type JobEvent,
} from "signalman";
import { createBackoff, createPace } from "./pace.ts";
import { createBatchSize } from "./batch-size.ts";
import { createLogServer, type LogServer } from "./log-server.ts";
import { countEvents, createOutbox } from "./outbox.ts";
import { createProgress } from "./progress.ts";

export interface LogPushOptions {
  readonly userAgent: string;
  readonly maxEvents: number;
  readonly maxBytes: number;
  /** Time between two requests while the job prints continuously. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly retryDelayMs: number;
  readonly retryDelayMaxMs: number;
}

/** Pushes one job's log: one request at a time, in order, each repeated until the server has accepted it. */
export function createLogPush(context: LogBackendContext, options: LogPushOptions): LogBackend {
  const { job, refreshToken, ca } = context;
  const server = createLogServer({ ...options, ...job.logger, refreshToken, ...(ca && { ca }) });
  const disposed = new AbortController();
  let running: Promise<LogDelivery> | undefined;
  return {
    run(signal) {
      running = pushLog(server, context, options, AbortSignal.any([signal, disposed.signal]));
      return running;
    },
    async [Symbol.asyncDispose]() {
      disposed.abort();
      await running?.catch(() => {});
    },
  };
}

/** Pushes batches until the log is delivered, the server accepts no more of it, or `stop` aborts. */
async function pushLog(
  server: LogServer,
  context: LogBackendContext,
  options: LogPushOptions,
  stop: AbortSignal,
): Promise<LogDelivery> {
  const { spool, logger } = context;
  const outbox = createOutbox(spool);
  const size = createBatchSize(options);
  const pace = createPace(options.intervalMs);
  const backoff = createBackoff({ baseMs: options.retryDelayMs, maxMs: options.retryDelayMaxMs });
  const outage = openOutageLog(server, context);
  const progress = createProgress(context);

  /** Makes a rejected batch smaller. Returns `undefined` when nothing can be removed from it. */
  const reduce = (batch: SpoolBatch): SpoolBatch | undefined => {
    if (countEvents(batch) > 1) {
      size.shrink(batch);
      return batch;
    }
    const lines = shorten(batch.lines);
    if (lines === undefined) return undefined;
    const event = batch.start.event;
    progress.shortened(event);
    logger.warn(
      `${server.name} rejected an event of the job's log as too large; sending only its beginning`,
      {
        event,
        bytes: batch.lines.length,
      },
    );
    return { ...batch, lines };
  };

  while (!stop.aborted) {
    const batch = await outbox.take(size.limits, pace.due, stop).catch(ignoreAbort(stop));
    if (batch === undefined) break;
    pace.started();
    const answer = await server.post(batch, stop);
    if (answer.kind === "accepted") {
      progress.delivered(batch);
      size.delivered();
      backoff.reset();
      outage.recovered();
      continue;
    }
    if (answer.kind === "trimmed") {
      logger.warn(`${server.name} accepts no more of the job's log`, { delivered: progress.event });
      await skipRest(spool, stop);
      return progress.finish(true);
    }
    const smaller = answer.kind === "too-large" ? reduce(batch) : undefined;
    outbox.putBack(smaller ?? batch);
    if (smaller || stop.aborted) continue;
    // A connection that is too slow for a whole batch would fail with it every time.
    if (batch.lines.length > safeBytes) size.shrink(batch);
    const { reason, retryAfterMs } = answer.kind === "failed" ? answer : tooLarge;
    outage.failed(reason);
    await sleep(backoff.next(retryAfterMs), undefined, { signal: stop }).catch(ignoreAbort(stop));
  }
  return progress.finish(false);
}

function openOutageLog({ name }: LogServer, { logger }: LogBackendContext) {
  return createOutageLog({
    logger,
    level: "warn",
    describeFailure: (reason, isFirst) =>
      isFirst
        ? `push of the job's log to ${name} failed: ${reason}; retrying`
        : `push of the job's log to ${name} still fails: ${reason}`,
    recovery: `push of the job's log to ${name} recovered`,
  });
}

/** Reads the rest of a log that the server accepts no more of, so that all undelivered events are counted. */
async function skipRest(spool: SpoolReader, stop: AbortSignal): Promise<void> {
  while (await spool.next({ signal: stop }).catch(ignoreAbort(stop))) await nextTurn();
}

const safeBytes = 64 * 1024;
const tooLarge = { reason: "status 413 for a single event", retryAfterMs: 0 };

/** Turns the rejection of a call that `stop` aborted into `undefined`; other errors pass. */
function ignoreAbort(stop: AbortSignal): (error: unknown) => undefined {
  return (error) => {
    if (!stop.aborted) throw error;
    return undefined;
  };
}

/**
 * Cuts the text of an event that is too large for the server. The event itself stays, so that the numbers of
 * all others remain correct and each command keeps its pair of events. Returns `undefined` when the event has
 * no long text.
 */
function shorten(line: Uint8Array): Uint8Array | undefined {
  const event = JSON.parse(Buffer.from(line).toString()) as JobEvent;
  if (event.event === "cmd_output" && event.output.length > 2 * keptCharacters) {
    return toLine({ ...event, output: `${shortenText(event.output)}\n` });
  }
  if ("directive" in event && event.directive.length > 2 * keptCharacters) {
    return toLine({ ...event, directive: shortenText(event.directive) });
  }
  return undefined;
}

const keptCharacters = 1000;

function shortenText(text: string): string {
  const kept = text.slice(0, keptCharacters).toWellFormed();
  const bytes = Buffer.byteLength(text) - Buffer.byteLength(kept);
  return `${kept}\n[signalman: the log server refused the other ${bytes} bytes]`;
}

function toLine(event: JobEvent): Uint8Array {
  return Buffer.from(`${JSON.stringify(event)}\n`);
}
