import type { Measurement } from "signalman";

/** One metric: a counter, a timer in milliseconds, or a gauge. */
export interface Metric {
  readonly type: "c" | "ms" | "g";
  readonly name: string;
  readonly value: number;
  /** Up to three tags. */
  readonly tags: readonly string[];
}

const types = { counter: "c", distribution: "ms", gauge: "g" } as const;

/** Converts a measurement; `undefined` when StatsD does not get it. */
export function toMetric({ metric: { kind, statsd }, value, labels }: Measurement): Metric | undefined {
  const { only = {}, tags = [] } = statsd ?? {};
  const isExported = Object.entries(only).every(([label, expected]) => labels[label] === expected);
  if (statsd === undefined || !isExported) return undefined;
  return { type: types[kind], name: statsd.name, value, tags: tags.map((label) => labels[label] ?? "") };
}

/**
 * Formats a line of the StatsD protocol, `tagged.<namespace>.<tag>.<tag>.<tag>.<name>:<value>|<type>`, with
 * other characters replaced as in the reference agent. Values are whole numbers from 0; returns `undefined`
 * for any other value.
 */
export function toLine(namespace: string, { type, name, value, tags }: Metric): string | undefined {
  const whole = Math.round(value);
  if (!Number.isSafeInteger(whole) || whole < 0) return undefined;
  const places = [0, 1, 2].map((index) => clean(tags[index] ?? "", /[^\w-]+/g) || "no_tag");
  const path = ["tagged", clean(namespace, unsafe), ...places, clean(name, unsafe)].join(".");
  return `${path}:${whole}|${type}`;
}

const unsafe = /[^\w.-]+/g;
/** Limits executor names, which the control plane chooses. */
const maxLength = 200;

function clean(text: string, strange: RegExp): string {
  return text.slice(0, maxLength).replaceAll(strange, "_");
}
