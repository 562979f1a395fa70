import type { MetricSeries, PluginMetric } from "signalman";

/**
 * Formats the metrics of plugins in the text format of Prometheus. The host has counted them, so that the client
 * library is not used.
 */
export function formatPluginMetrics(metrics: readonly PluginMetric[]): string {
  return metrics.map(formatMetric).join("");
}

function formatMetric(metric: PluginMetric): string {
  const { fullName, kind, help, series } = metric;
  const head = `# HELP ${fullName} ${escape(help)}\n# TYPE ${fullName} ${kind}\n`;
  return `\n${head}${series.map((one) => formatSeries(metric, one)).join("")}`;
}

function formatSeries(
  { fullName, buckets = [] }: PluginMetric,
  { labels, value, counts }: MetricSeries,
): string {
  const format = (suffix: string, number: number, more: Readonly<Record<string, string>> = {}) =>
    `${fullName}${suffix}${formatLabels({ ...labels, ...more })} ${number}\n`;
  if (counts === undefined) return format("", value);
  let count = 0;
  const lines = counts.map((own, index) => {
    count += own;
    return format("_bucket", count, { le: index < buckets.length ? `${buckets[index]}` : "+Inf" });
  });
  return `${lines.join("")}${format("_sum", value)}${format("_count", count)}`;
}

function formatLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escape(value).replaceAll('"', '\\"')}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
