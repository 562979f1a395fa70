import type { Counter, Gauge, MetricOptions } from "signalman";
import type { DeclarableMetrics } from "../metrics.ts";

/** Metrics of a process that runs no agent, and so has no exporter of them. */
export interface TextMetrics extends DeclarableMetrics {
  /** Returns their values in the text format of Prometheus. */
  format(): string;
}

/** The names are those of an agent's `/metrics`. */
export function createTextMetrics(): TextMetrics {
  const metrics = new Map<string, { kind: "counter" | "gauge"; help: string; value: number }>();
  const declare = (kind: "counter" | "gauge", name: string, help: string) => {
    const metric = { kind, help, value: 0 };
    metrics.set(`signalman_plugin_cache_${name}`, metric);
    return metric;
  };
  return {
    counter(name: string, { help }: MetricOptions): Counter {
      const metric = declare("counter", name, help);
      return { inc: (by = 1) => void (metric.value += by) };
    },
    gauge(name: string, { help }: MetricOptions): Gauge {
      const metric = declare("gauge", name, help);
      return { set: (value) => void (metric.value = value) };
    },
    format() {
      const lines = Array.from(metrics, ([name, { kind, help, value }]) =>
        [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, `${name} ${value}`].join("\n"),
      );
      return `${lines.join("\n")}\n`;
    },
  };
}
