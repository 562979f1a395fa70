import { waitAtMost } from "signalman";
import { type Metric, toLine } from "./metric.ts";
import { createTransport, type TransportOptions } from "./transport.ts";

export interface SenderOptions extends TransportOptions {
  readonly namespace: string;
  /** Milliseconds to wait before a further attempt to reach the server. */
  readonly waitMs?: number;
}

/** Queues metrics and sends several of them in a datagram. Disposal sends the queue within a second. */
export interface Sender extends AsyncDisposable {
  /** Queues a metric without waiting or throwing. When the queue is full, the metric is dropped and counted. */
  send(metric: Metric): void;
}

export function createSender(options: SenderOptions): Sender {
  const { namespace, logger, waitMs = 5000 } = options;
  const transport = createTransport(options);
  const waiting: string[] = [];
  let timer: Timer | undefined;
  let dropped = 0;
  let loggedAt = Number.NEGATIVE_INFINITY;
  let isOver = false;

  function schedule(delayMs: number): void {
    if (isOver || timer) return;
    timer = setTimeout(() => void flush(), delayMs);
    timer.unref();
  }

  async function flush(): Promise<void> {
    clearTimeout(timer);
    const isReady = await transport.ready();
    timer = undefined;
    if (isReady) sendWaiting();
    logDropped();
    if (waiting.length > 0) schedule(isReady ? intervalMs : waitMs);
  }

  function sendWaiting(): void {
    while (waiting.length > 0) {
      const size = countFitting(waiting);
      if (!transport.send(waiting.slice(0, size).join("\n"))) return;
      waiting.splice(0, size);
    }
  }

  function logDropped(): void {
    const now = performance.now();
    if (dropped === 0 || (now - loggedAt < logIntervalMs && !isOver)) return;
    logger.debug("metrics for StatsD were dropped", { metrics: dropped });
    loggedAt = now;
    dropped = 0;
  }

  return {
    send(metric) {
      const line = toLine(namespace, metric);
      if (line === undefined) return;
      if (waiting.length < maxWaiting) waiting.push(line);
      else dropped++;
      schedule(intervalMs);
    },
    async [Symbol.asyncDispose]() {
      isOver = true;
      await waitAtMost(flush(), flushMs);
      dropped += waiting.length;
      logDropped();
      transport[Symbol.dispose]();
    },
  };
}

/** Small enough for a datagram to pass every network unfragmented. */
const maxBytes = 1400;
const maxWaiting = 10_000;
const intervalMs = 100;
const logIntervalMs = 60_000;
const flushMs = 1000;

/** Counts the ASCII lines that fit into one datagram, at least one. */
function countFitting(lines: readonly string[]): number {
  let bytes = 0;
  const end = lines.findIndex((line, index) => (bytes += line.length + 1) > maxBytes + 1 && index > 0);
  return end === -1 ? lines.length : end;
}
