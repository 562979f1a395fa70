import type { Logger } from "../contracts/logger.ts";
import type { MetricDeclaration, MetricSeries } from "../contracts/metrics.ts";
import { toPrintable } from "../text/printable.ts";

/** The values of one metric. */
export interface MetricStore {
  readonly declaration: MetricDeclaration;
  /** Adds to a counter, sets a gauge, observes a value. An invalid value is dropped; the first one is logged. */
  record(value: unknown, labels: unknown): void;
  /** Adds the values of another process; invalid ones are left out. */
  add(series: unknown): void;
  read(): MetricSeries[];
  /** Returns at most `max` series and forgets them. */
  take(max: number): MetricSeries[];
}

/** Combinations of label values that are kept apart. */
const maxSeries = 100;
const maxValueLength = 100;

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  value: number;
  readonly counts?: number[];
}

export function createMetricStore(declaration: MetricDeclaration, log: Logger): MetricStore {
  const { plugin, name, kind, labels: labelNames, buckets = [] } = declaration;
  const kept = new Map<string, Series>();
  const logged = new Set<string>();
  const warn = (about: string, message: string) => {
    if (logged.has(about)) return;
    logged.add(about);
    log.warn(`metric "${name}" of plugin "${plugin}" ${message}`);
  };

  function open(values: readonly string[]): Series {
    const key = values.length === 0 ? "" : JSON.stringify(values);
    const found = kept.get(key);
    if (found) return found;
    if (kept.size >= maxSeries && values.some((value) => value !== other)) {
      const message = `has more than ${maxSeries} combinations of label values: further ones are recorded as "${other}"`;
      warn("size", message);
      return open(labelNames.map(() => other));
    }
    const created: Series = {
      labels: Object.freeze(Object.fromEntries(labelNames.map((label, index) => [label, values[index]!]))),
      value: 0,
      ...(kind === "histogram" && { counts: Array<number>(buckets.length + 1).fill(0) }),
    };
    kept.set(key, created);
    return created;
  }

  // A series that is there before its first change shows that change to Prometheus.
  if (labelNames.length === 0 && kind !== "gauge") open([]);

  return {
    declaration,
    record(value, labels) {
      const fault = findValueFault(kind, value);
      if (fault !== undefined) return warn("value", `has dropped a value: ${fault}`);
      const values = labelNames.length === 0 ? [] : toValues(labels, labelNames);
      if (values === undefined || (labelNames.length === 0 && hasEntries(labels))) {
        const expected = labelNames.length === 0 ? "none" : labelNames.join(", ");
        return warn("labels", `has dropped a value: its labels do not match (expected: ${expected})`);
      }
      const series = open(values);
      const number = value as number;
      series.value = kind === "gauge" ? number : toFinite(series.value + number);
      if (series.counts) series.counts[findBucket(buckets, number)]! += 1;
    },
    add(given) {
      const { labels, value, counts } = Object(given) as { [K in keyof MetricSeries]?: unknown };
      const values = toValues(labels, labelNames);
      if (values === undefined || findValueFault(kind, value) !== undefined) return;
      if (kind === "histogram" && !isCounts(counts, buckets.length + 1)) return;
      const series = open(values);
      series.value = kind === "gauge" ? (value as number) : toFinite(series.value + (value as number));
      series.counts?.forEach((count, index) => {
        series.counts![index] = toFinite(count + (counts as number[])[index]!);
      });
    },
    read: () => Array.from(kept.values(), toSeries),
    take(max) {
      const taken = [...kept].slice(0, max);
      for (const [key] of taken) kept.delete(key);
      return taken.map(([, series]) => toSeries(series));
    },
  };
}

const other = "other";

function toSeries({ labels, value, counts }: Series): MetricSeries {
  return { labels, value, ...(counts && { counts: [...counts] }) };
}

function findValueFault(kind: MetricDeclaration["kind"], value: unknown): string | undefined {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    return `${typeof value === "number" ? value : `a value of the type ${typeof value}`} is not a finite number`;
  }
  return kind === "counter" && value < 0 ? `a counter cannot be changed by ${value}` : undefined;
}

/** Returns the values in the order of the names; `undefined` when one is missing, invalid or not declared. */
function toValues(labels: unknown, names: readonly string[]): string[] | undefined {
  if (typeof labels !== "object" || labels === null) return undefined;
  if (Object.keys(labels).length !== names.length) return undefined;
  const values: string[] = [];
  for (const name of names) {
    const value = (labels as Readonly<Record<string, unknown>>)[name];
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
      return undefined;
    // Two halves of different characters would become the same replacement character in an export.
    values.push(toPrintable(String(value).slice(0, maxValueLength).toWellFormed()));
  }
  return values;
}

function hasEntries(labels: unknown): boolean {
  return labels !== undefined && labels !== null && Object.keys(labels).length > 0;
}

function isCounts(counts: unknown, length: number): boolean {
  return (
    Array.isArray(counts) &&
    counts.length === length &&
    counts.every((count) => Number.isSafeInteger(count) && count >= 0)
  );
}

function findBucket(buckets: readonly number[], value: number): number {
  const index = buckets.findIndex((bound) => value <= bound);
  return index < 0 ? buckets.length : index;
}

/** Infinity has no form in JSON. */
function toFinite(value: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(value, Number.MAX_VALUE));
}
