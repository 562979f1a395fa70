/** One metric: a counter, a timer in milliseconds, or a gauge. */
export interface Metric {
  readonly type: "c" | "ms" | "g";
  readonly name: string;
  readonly value: number;
  /** Up to three tags. */
  readonly tags: readonly string[];
}

export function count(name: string, tags: readonly string[] = [], value = 1): Metric {
  return { type: "c", name, value, tags };
}

export function time(name: string, durationMs: number, tags: readonly string[] = []): Metric {
  return { type: "ms", name, value: durationMs, tags };
}

export function gauge(name: string, value: number, tags: readonly string[] = []): Metric {
  return { type: "g", name, value, tags };
}

/**
 * Formats a line of the StatsD protocol, `tagged.<namespace>.<tag>.<tag>.<tag>.<name>:<value>|<type>`, with other characters replaced as
 * in the reference agent. Values are whole numbers from 0; returns `undefined` for any other value.
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
