import type { MetricSeries, PluginMetric } from "signalman";
import type { Metric } from "./metric.ts";

/**
 * Returns a function that measures the metrics of plugins: how much counters and histograms have grown since its last
 * call, and the values of gauges. A histogram is sent as two counters, `.count` and `.sum`.
 */
export function createPluginMeter(): (metrics: readonly PluginMetric[]) => Metric[] {
  /** What was sent so far. Growth is taken of rounded totals, so that fractions are not lost. */
  const sent = new Map<string, number>();
  const toGrowth = (metric: Omit<Metric, "type">): Metric[] => {
    const key = JSON.stringify([metric.name, metric.tags]);
    const total = Math.round(metric.value);
    const value = total - (sent.get(key) ?? 0);
    if (value <= 0) return [];
    sent.set(key, total);
    return [{ ...metric, type: "c", value }];
  };
  const toMetrics = ({ plugin, name: own, kind }: PluginMetric, series: MetricSeries): Metric[] => {
    const { value, counts } = series;
    const [name, tags] = [`plugin.${plugin}.${own}`, Object.values(series.labels)];
    if (kind === "gauge") return [{ type: "g", name, value, tags }];
    if (counts === undefined) return toGrowth({ name, value, tags });
    const count = counts.reduce((sum, each) => sum + each, 0);
    return [
      ...toGrowth({ name: `${name}.count`, value: count, tags }),
      ...toGrowth({ name: `${name}.sum`, value, tags }),
    ];
  };
  return (metrics) =>
    metrics.flatMap((metric) => metric.series.flatMap((series) => toMetrics(metric, series)));
}
