import type { AgentMetric } from "../../src/kit/metrics/metric.ts";
import { createAgentMetrics } from "../../src/kit/metrics/agent-metrics.ts";
import { toSize } from "../../src/core/text/amounts.ts";
import type { GeneratedFile } from "./generated-file.ts";
import { replacePart } from "./generated-part.ts";

/** The tables of metrics on the pages of their exporters, generated from the declarations of the metrics. */
export const metricsPages: readonly GeneratedFile[] = [
  toPage("plugins/health/README.md", ["name", "type", ""], toPrometheusRow),
  toPage("plugins/statsd/README.md", ["name", "type", "tags", ""], toStatsdRow),
];

function toPage(
  file: string,
  head: readonly string[],
  toRow: (metric: AgentMetric) => readonly string[] | undefined,
): GeneratedFile {
  const rows = createAgentMetrics().flatMap((metric) => {
    const row = toRow(metric);
    return row ? [row] : [];
  });
  const table = toAlignedTable([head, ...rows]);
  return { file, render: async (current) => replacePart(current, "metrics", `\n${table}\n`) };
}

function toPrometheusRow({ prometheus, kind, unit, help, labels = {} }: AgentMetric): string[] | undefined {
  if (prometheus === undefined) return undefined;
  const { name, labels: exported = Object.keys(labels), buckets = [] } = prometheus;
  const toBound = (bound = 0) => (unit === "bytes" ? toSize(bound, 0) : `${bound} s`);
  const type =
    kind === "distribution" ? `histogram, ${toBound(buckets[0])} to ${toBound(buckets.at(-1))}` : kind;
  const values = exported.flatMap((label) => {
    const known = labels[label]!;
    return typeof known === "string" ? [] : [`\`${label}\`: ${known.join(", ")}.`];
  });
  return [
    `\`${name}${exported.length > 0 ? `{${exported.join(",")}}` : ""}\``,
    type,
    [help, ...values].join(" "),
  ];
}

function toStatsdRow({ statsd, kind, unit, help }: AgentMetric): string[] | undefined {
  if (statsd === undefined) return undefined;
  const { name, tags = [], help: own = help } = statsd;
  const type = kind === "distribution" ? "timer" : unit === "s" ? `${kind}, seconds` : kind;
  return [`\`${name}\``, type, tags.join(", ") || "none", own];
}

/** Aligns the columns as the formatter does. */
function toAlignedTable([head = [], ...body]: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...body].map((row) => row[column]!.length)));
  const lines = [head, widths.map((width) => "-".repeat(width)), ...body].map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |\n`,
  );
  return lines.join("");
}
