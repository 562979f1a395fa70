import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import Histogram from "prom-client/lib/histogram.js";
import type Registry from "prom-client/lib/registry.js";
import type { MetricLabels, AgentMetric } from "signalman";

/** A metric in a registry of Prometheus. */
export interface Family {
  /** Adds to a counter, sets a gauge, or observes a value of a distribution. */
  record(value: number, labels: MetricLabels): void;
  /** Removes the series of a gauge. */
  reset(): void;
}

/** Creates the family of a metric; `undefined` for a metric that is not exported here. */
export function createFamily(metric: AgentMetric, registry: Registry): Family | undefined {
  const { help, kind, unit, prometheus } = metric;
  if (prometheus === undefined) return undefined;
  const { name, labels: labelNames = Object.keys(metric.labels ?? {}), buckets = [] } = prometheus;
  const options = { name, help, labelNames, registers: [registry] };
  const toLabels = (labels: MetricLabels) =>
    Object.fromEntries(labelNames.map((label) => [label, labels[label]!]));
  const toValue = (value: number) => (unit === "ms" ? value / 1000 : value);

  if (kind === "distribution") {
    const histogram = new Histogram({ ...options, buckets: [...buckets] });
    return { record: (value, labels) => histogram.observe(toLabels(labels), toValue(value)), reset() {} };
  }
  if (kind === "gauge") {
    const gauge = new Gauge(options);
    return {
      record: (value, labels) => gauge.set(toLabels(labels), toValue(value)),
      reset: () => gauge.reset(),
    };
  }
  const counter = new Counter(options);
  return { record: (value, labels) => counter.inc(toLabels(labels), toValue(value)), reset() {} };
}
