/** The metrics of one plugin. They are declared in `setup`; recording never throws and never waits. */
export interface PluginMetrics {
  /** Declares a number that only grows. `name` ends with `_total`. */
  counter<const L extends string = never>(name: string, options: MetricOptions<L>): Counter<L>;
  /** Declares a number that goes up and down. Jobs of several slots set the same one: the last value counts. */
  gauge<const L extends string = never>(name: string, options: MetricOptions<L>): Gauge<L>;
  /** Declares a distribution. */
  histogram<const L extends string = never>(name: string, options: HistogramOptions<L>): Histogram<L>;
  /**
   * Returns the current values of all plugins' metrics, for plugins that export them. Complete in the agent's process
   * only: that of a job has what it did not send to the agent yet.
   */
  read(): readonly PluginMetric[];
}

/**
 * Names of metrics and labels consist of ASCII letters, digits and `_`. A plugin has at most 50 metrics. Of more than
 * 100 combinations of label values, further ones are recorded as one, in which each label is `other`.
 */
export interface MetricOptions<L extends string = string> {
  /** A sentence for dashboards, at most 200 characters. */
  readonly help: string;
  /** Names of the labels, at most 3. Their values are cut at 100 characters. */
  readonly labels?: readonly L[];
}

/** What a plugin declares of a histogram. */
export interface HistogramOptions<L extends string = string> extends MetricOptions<L> {
  /** Upper bounds of the buckets, in ascending order, at most 30. */
  readonly buckets: readonly number[];
}

/** A value for each declared label. */
export type LabelValues<L extends string> = Readonly<Record<L, string | number | boolean>>;

/** A number that grows, such as one of jobs or of bytes. */
export interface Counter<L extends string = string> {
  /** Adds a number from 0; 1 when it is left out. */
  inc(by?: number, labels?: LabelValues<L>): void;
}

/** A number that grows and shrinks. It has the value that was set last in any process. */
export interface Gauge<L extends string = string> {
  set(value: number, labels?: LabelValues<L>): void;
}

/** Counts values in buckets, such as durations in seconds. */
export interface Histogram<L extends string = string> {
  observe(value: number, labels?: LabelValues<L>): void;
}

/** What a metric is. */
export interface MetricDeclaration {
  readonly plugin: string;
  /** The name that the plugin declared: `uploads_total`. */
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** A metric with its values. */
export interface PluginMetric extends MetricDeclaration {
  /** Unique among all metrics of the agent: `signalman_plugin_<plugin>_<name>`. */
  readonly fullName: string;
  readonly series: readonly MetricSeries[];
}

/** The values of one combination of labels. */
export interface MetricSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** The sum of a counter, the last value of a gauge, the sum of all values of a histogram. */
  readonly value: number;
  /** Number of a histogram's values in each bucket, and of those above the last bound. */
  readonly counts?: readonly number[];
}

/** The metrics of all plugins of a process. */
export interface HostMetrics extends Pick<PluginMetrics, "read"> {
  /** Whether no plugin has declared a metric. */
  readonly isEmpty: boolean;
  /** Returns what was recorded since the last call, at most `maxSeries` series, and forgets it. */
  take(maxSeries: number): readonly PluginMetric[];
  /** Adds what another process has taken, of these plugins only. Does not trust it; invalid parts are left out. */
  merge(metrics: unknown, plugins: ReadonlySet<string>): void;
}
