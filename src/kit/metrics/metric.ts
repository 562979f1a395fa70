import type { AgentStatus } from "../../core/contracts/agent-status.ts";
import type { HookEvents, HookName } from "../../core/contracts/hooks.ts";

/**
 * A metric of the agent: what it is, where its values come from, and its name in each exporter that has it.
 */
export interface AgentMetric {
  /** A sentence for dashboards and documentation. */
  readonly help: string;
  readonly kind: "counter" | "gauge" | "distribution";
  /** Unit of the values. Left out: a number of things. */
  readonly unit?: "ms" | "s" | "bytes";
  /**
   * Labels of the samples: all their values; `"any"` for values of the agent itself; `"foreign"` for
   * values of job requests, of which an exporter that keeps series must limit the number.
   */
  readonly labels?: Readonly<Record<string, readonly string[] | "any" | "foreign">>;
  /** The metric at `/metrics`, in seconds where `unit` is a time. Left out: not exported. */
  readonly prometheus?: {
    readonly name: string;
    /** Labels that are exported. Default: all. */
    readonly labels?: readonly string[];
    /** Upper bounds of a distribution's buckets. */
    readonly buckets?: readonly number[];
  };
  /** The metric in StatsD. Left out: not exported. */
  readonly statsd?: {
    readonly name: string;
    /** Labels that are exported as tags. Default: none. */
    readonly tags?: readonly string[];
    /** Only samples with these labels are exported. */
    readonly only?: MetricLabels;
    /** In place of `help`. */
    readonly help?: string;
  };
  /** Measures an event. `status` is the agent's, where there is one: not in `run`, nor in a job's process. */
  readonly on?: {
    readonly [N in HookName]?: (event: HookEvents[N], status: ReadStatus) => Samples;
  };
  /**
   * Measures the agent's status: the values of a gauge, or the growth of a counter since its last
   * measurement.
   */
  readonly read?: (status: AgentStatus) => Samples;
}

/** Labels of a measurement: name → value. */
export type MetricLabels = Readonly<Record<string, string>>;

export type ReadStatus = () => AgentStatus | undefined;

/** A number has no labels. */
export type Samples =
  | number
  | undefined
  | readonly { readonly value: number; readonly labels: MetricLabels }[];

/** One value of a metric. */
export interface Measurement {
  readonly metric: AgentMetric;
  readonly value: number;
  readonly labels: MetricLabels;
}

/** Lists the hooks whose events the metrics measure. */
export function hooksOf(metrics: readonly AgentMetric[]): HookName[] {
  return [...new Set(metrics.flatMap(({ on = {} }) => Object.keys(on) as HookName[]))];
}

/** Measures an event, in the order of the metrics. */
export function measureEvent<N extends HookName>(
  metrics: readonly AgentMetric[],
  name: N,
  event: HookEvents[N],
  status: ReadStatus,
): Measurement[] {
  return metrics.flatMap((metric) => toMeasurements(metric, metric.on?.[name]?.(event, status)));
}

/** Measures the agent's status, in the order of the metrics. */
export function measureStatus(metrics: readonly AgentMetric[], status: AgentStatus): Measurement[] {
  return metrics.flatMap((metric) => toMeasurements(metric, metric.read?.(status)));
}

function toMeasurements(metric: AgentMetric, samples: Samples): Measurement[] {
  if (samples === undefined) return [];
  if (typeof samples === "number") return [{ metric, value: samples, labels: {} }];
  return samples.map((sample) => ({ metric, ...sample }));
}
