import Registry from "prom-client/lib/registry.js";
import {
  type AgentStatus,
  createAgentMetrics,
  type HookEvents,
  type HookName,
  type MetricLabels,
  type PluginMetric,
  type Measurement,
  measureEvent,
  measureStatus,
  type AgentMetric,
} from "signalman";
import Counter from "prom-client/lib/counter.js";
import Gauge from "prom-client/lib/gauge.js";
import Histogram from "prom-client/lib/histogram.js";
import { formatPluginMetrics } from "./plugin-metrics.ts";
import { addProcessMetrics } from "./process-metrics.ts";

/** The metrics of an agent for Prometheus. */
export interface Metrics {
  /** Measures an event. */
  measure<N extends HookName>(name: N, event: HookEvents[N]): void;
  /** Creates the series of an executor, so that Prometheus sees the first change of each. */
  announce(executor: string): void;
  /** Returns all metrics in the Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
}

/** Limits the series: executor names come from job requests, and each one creates a series. */
const executorLimit = 10;

export interface MetricsOptions {
  readonly version: string;
  readonly status: () => AgentStatus;
  readonly pluginMetrics: () => readonly PluginMetric[];
}

export function createMetrics(about: MetricsOptions): Metrics {
  const registry = new Registry();
  const metrics = createAgentMetrics().filter(({ prometheus }) => prometheus !== undefined);
  const families = new Map(metrics.map((metric) => [metric, createFamily(metric, registry)]));
  const refreshProcess = addProcessMetrics(registry);
  const executors = new Set<string>();

  /** Creates the series of all counters whose labels have known values. */
  const createSeries = (known: MetricLabels): void => {
    for (const metric of metrics) {
      if (metric.kind !== "counter") continue;
      for (const labels of listSeries(metric, known)) families.get(metric)?.record(0, labels);
    }
  };
  createSeries({});

  const toExecutor = (executor: string): string => {
    if (executors.has(executor)) return executor;
    if (executors.size >= executorLimit) return "other";
    executors.add(executor);
    createSeries({ executor });
    return executor;
  };

  const record = ({ metric, value, labels }: Measurement): void => {
    const { executor } = labels;
    const limited = executor === undefined ? labels : { ...labels, executor: toExecutor(executor) };
    families.get(metric)?.record(value, limited);
  };

  return {
    contentType: registry.contentType,
    measure: (name, event) => measureEvent(metrics, name, event, about.status).forEach(record),
    announce: (executor) => void toExecutor(executor),
    async render() {
      families.forEach((family) => family?.reset());
      measureStatus(metrics, about.status()).forEach(record);
      refreshProcess();
      return `${await registry.metrics()}${formatPluginMetrics(about.pluginMetrics())}`;
    },
  };
}

/** Lists the labels of all series whose values are known: declared, or in `known`. */
function listSeries({ labels = {} }: AgentMetric, known: MetricLabels): MetricLabels[] {
  return Object.entries(labels).reduce<MetricLabels[]>(
    (series, [label, declared]) => {
      const given = known[label];
      const values = given !== undefined ? [given] : typeof declared === "string" ? [] : declared;
      return series.flatMap((one) => values.map((value) => ({ ...one, [label]: value })));
    },
    [{}],
  );
}

/** A metric in a registry of Prometheus. */
interface Family {
  /** Adds to a counter, sets a gauge, or observes a value of a distribution. */
  record(value: number, labels: MetricLabels): void;
  /** Removes the series of a gauge. */
  reset(): void;
}

/** Creates the family of a metric; `undefined` for a metric that is not exported here. */
function createFamily(metric: AgentMetric, registry: Registry): Family | undefined {
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
