import { setTimeout as sleep } from "node:timers/promises";
import { type Metric, toLine } from "./metric.ts";
import { createTransport, type TransportOptions } from "./transport.ts";

export interface SenderOptions extends TransportOptions {
  readonly namespace: string;
  /** How long figures wait for a way to the server before they look again. */
  readonly waitMs?: number;
}

/** Sends figures, several in a datagram. Disposal sends what waits, and takes a second at most. */
export interface Sender extends AsyncDisposable {
  /** Never waits and never throws: when too much waits already, the figure is dropped and counted. */
  send(metric: Metric): void;
}

export function createSender(options: SenderOptions): Sender {
  const { namespace, logger, waitMs = 5000 } = options;
  const transport = createTransport(options);
  const waiting: string[] = [];
  let timer: Timer | undefined;
  let dropped = 0;
  let saidAt = Number.NEGATIVE_INFINITY;
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
    sayDropped();
    if (waiting.length > 0) schedule(isReady ? intervalMs : waitMs);
  }

  function sendWaiting(): void {
    while (waiting.length > 0) {
      const size = countFitting(waiting);
      if (!transport.send(waiting.slice(0, size).join("\n"))) return;
      waiting.splice(0, size);
    }
  }

  function sayDropped(): void {
    const now = performance.now();
    if (dropped === 0 || (now - saidAt < sayMs && !isOver)) return;
    logger.debug("figures for StatsD were dropped", { figures: dropped });
    saidAt = now;
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
      await Promise.race([flush(), sleep(goodbyeMs)]);
      dropped += waiting.length;
      sayDropped();
      transport[Symbol.dispose]();
    },
  };
}

/** So that a datagram passes every network whole. */
const maxBytes = 1400;
const maxWaiting = 10_000;
const intervalMs = 100;
const sayMs = 60_000;
const goodbyeMs = 1000;

/** How many lines, all of them ASCII, go into one datagram; one at least. */
function countFitting(lines: readonly string[]): number {
  let bytes = 0;
  const end = lines.findIndex((line, index) => (bytes += line.length + 1) > maxBytes + 1 && index > 0);
  return end === -1 ? lines.length : end;
}
