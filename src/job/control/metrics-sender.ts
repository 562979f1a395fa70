import type { HostMetrics, PluginMetric } from "../../core/contracts/metrics.ts";
import { waitAtMost } from "../../core/host/deadline.ts";
import type { ToAgent } from "./messages.ts";

export interface MetricsSenderOptions {
  readonly metrics: Pick<HostMetrics, "isEmpty" | "take">;
  readonly tell: (message: ToAgent) => void;
  /** Milliseconds between two looks. Default: a second. */
  readonly intervalMs?: number;
  /** Milliseconds after which a message that was not confirmed is sent again. Default: 10 s. */
  readonly repeatMs?: number;
}

/**
 * Sends what the plugins of a job's process record to the agent, in messages of which the next one is sent when the
 * last is confirmed. While no agent confirms, the values are kept and added up.
 */
export interface MetricsSender extends Disposable {
  /** An agent has connected, or the last one has disconnected. */
  connected(isConnected: boolean): void;
  /** The agent has counted the message with this number. */
  counted(message: number): void;
  /** Sends all that is there. Resolves when the agent has counted it, or after 2 s; without an agent at once. */
  flush(): Promise<void>;
}

export function createMetricsSender(options: MetricsSenderOptions): MetricsSender {
  const { metrics, tell, intervalMs = 1000, repeatMs = 10_000 } = options;
  // Metrics are declared while plugins are set up, before the job.
  if (metrics.isEmpty) return { connected() {}, counted() {}, flush: async () => {}, [Symbol.dispose]() {} };

  let isConnected = false;
  let number = 0;
  let waiting: { readonly metrics: readonly PluginMetric[]; sentAt: number } | undefined;
  let emptied = Promise.withResolvers<void>();

  const send = (): void => {
    if (!isConnected) return;
    const now = performance.now();
    if (waiting && now - waiting.sentAt < repeatMs) return;
    if (!waiting) {
      const taken = metrics.take(maxSeries);
      if (taken.length === 0) return emptied.resolve();
      number += 1;
      waiting = { metrics: taken, sentAt: now };
    }
    waiting.sentAt = now;
    tell({ is: "metrics", number, metrics: waiting.metrics });
  };
  const timer = setInterval(send, intervalMs);
  timer.unref();

  return {
    connected(is) {
      isConnected = is;
      // A confirmation may have been on its way to an agent that is gone.
      if (waiting) waiting.sentAt = Number.NEGATIVE_INFINITY;
    },
    counted(message) {
      if (message !== number || !waiting) return;
      waiting = undefined;
      send();
    },
    async flush() {
      if (!isConnected) return;
      emptied = Promise.withResolvers<void>();
      send();
      await waitAtMost(emptied.promise, flushMs);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** With the longest names, labels and texts, as many series fit into a message. */
const maxSeries = 10;
const flushMs = 2000;
