/** One figure: a count of what happened, a time in milliseconds, or how much there is now. */
export interface Metric {
  readonly type: "c" | "ms" | "g";
  readonly name: string;
  readonly value: number;
  /** Three at most. */
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
 * A line of StatsD's protocol, `tagged.<namespace>.<tag>.<tag>.<tag>.<name>:<value>|<type>`, cleaned of strange characters as the
 * reference does it. `undefined` where the value is no figure: values are whole numbers from 0.
 */
export function toLine(namespace: string, { type, name, value, tags }: Metric): string | undefined {
  const figure = Math.round(value);
  if (!Number.isSafeInteger(figure) || figure < 0) return undefined;
  const places = [0, 1, 2].map((index) => clean(tags[index] ?? "", /[^\w-]+/g) || "no_tag");
  const path = ["tagged", clean(namespace, unsafe), ...places, clean(name, unsafe)].join(".");
  return `${path}:${figure}|${type}`;
}

const unsafe = /[^\w.-]+/g;
/** The name of an executor is the control plane's to choose. */
const maxLength = 200;

function clean(text: string, strange: RegExp): string {
  return text.slice(0, maxLength).replaceAll(strange, "_");
}
