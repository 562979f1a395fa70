import type { MetricDeclaration } from "../contracts/metrics.ts";

/** A declaration of a plugin or of another process, which may have any shape. */
export type GivenDeclaration = { readonly [K in keyof MetricDeclaration]?: unknown };

/** Returns why a declaration is invalid and what is expected; `undefined` for a valid one. */
export function findDeclarationFault({
  name,
  kind,
  help,
  labels,
  buckets,
}: GivenDeclaration): string | undefined {
  const what = `metric ${toText(name)}`;
  if (!isName(name, 80)) {
    return `${what} needs a name of at most 80 ASCII letters, digits and "_", such as "uploads_total"`;
  }
  // The complete name follows that of the plugin and "_".
  if (/(^|_)(bucket|sum|count)$/.test(name)) {
    return `${what} must not end with "bucket", "sum" or "count", which exporters append`;
  }
  if ((kind === "counter") !== /(^|_)total$/.test(name)) {
    return kind === "counter"
      ? `${what} is a counter: its name must end with "_total"`
      : `${what} must not end with "total", which is for counters`;
  }
  if (typeof help !== "string" || help.trim() === "" || help.length > 200) {
    return `${what} needs a "help" of at most 200 characters, not ${toText(help)}`;
  }
  return (
    findLabelsFault(what, labels) ?? (kind === "histogram" ? findBucketsFault(what, buckets) : undefined)
  );
}

function findLabelsFault(what: string, labels: unknown): string | undefined {
  if (!Array.isArray(labels) || labels.length > 3) {
    return `${what} must have at most 3 labels in a list, not ${toText(labels)}`;
  }
  const bad = labels.findIndex(
    (label, index) =>
      !isName(label, 40) || label.startsWith("__") || label === "le" || labels.indexOf(label) < index,
  );
  if (bad < 0) return undefined;
  return `${what} has an invalid label ${toText(labels[bad])}: expected distinct names of at most 40 ASCII letters, digits and "_", other than "le"`;
}

function findBucketsFault(what: string, buckets: unknown): string | undefined {
  const isAscending =
    Array.isArray(buckets) &&
    buckets.length > 0 &&
    buckets.length <= 30 &&
    buckets.every((bound, index) => Number.isFinite(bound) && (index === 0 || bound > buckets[index - 1]));
  return isAscending
    ? undefined
    : `${what} needs "buckets": 1 to 30 finite numbers in ascending order, not ${toText(buckets)}`;
}

function isName(text: unknown, maxLength: number): text is string {
  return typeof text === "string" && text.length <= maxLength && /^[a-zA-Z_]\w*$/.test(text);
}

function toText(value: unknown): string {
  return Bun.inspect(typeof value === "string" ? value.slice(0, 100) : value).slice(0, 200);
}
