/** A sample of the Prometheus text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly type: string;
  readonly samples: readonly Sample[];
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (NaN|[+-]Inf|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const label = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;

/** Parses the Prometheus text format more strictly than Prometheus does. Throws at the first fault. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line has no newline");
  const families = new Map<string, { type: string; samples: Sample[] }>();
  const helped = new Set<string>();
  const seen = new Set<string>();
  let current = "";
  for (const one of text.split("\n").filter((each) => each !== "")) {
    const [, kind, subject = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(one) ?? [];
    if (kind === "HELP") {
      if (helped.has(subject)) throw new Error(`${subject} has two HELP lines`);
      helped.add(subject);
      continue;
    }
    if (kind === "TYPE") {
      if (!helped.has(subject) || families.has(subject)) throw new Error(`unexpected TYPE: ${one}`);
      if (!/^(counter|gauge|histogram)$/.test(rest)) throw new Error(`unknown type: ${one}`);
      if ((rest === "counter") !== subject.endsWith("_total"))
        throw new Error(`name does not match its type: ${one}`);
      families.set(subject, { type: rest, samples: [] });
      current = subject;
      continue;
    }
    const [, name, labels = "", value] = line.exec(one) ?? [];
    const family = families.get(current);
    if (name === undefined || family === undefined) throw new Error(`malformed line: ${one}`);
    const suffix = family.type === "histogram" ? /^_(bucket|sum|count)$/ : /^$/;
    if (!name.startsWith(current) || !suffix.test(name.slice(current.length))) {
      throw new Error(`${name} does not belong to the family ${current}`);
    }
    const identity = `${name}{${labels}}`;
    if (seen.has(identity)) throw new Error(`${identity} is duplicated`);
    seen.add(identity);
    family.samples.push({ name, labels: parseLabels(labels), value: toNumber(value ?? "") });
  }
  for (const [name, { type, samples }] of families) if (type === "histogram") assertHistogram(name, samples);
  return families;
}

/** Returns the sum of a metric's samples with these labels; `undefined` without samples. */
export function valueOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const found = [...families.values()]
    .flatMap(({ samples }) => samples)
    .filter((one) => one.name === name)
    .filter((one) => Object.entries(labels).every(([key, text]) => one.labels[key] === text));
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== "";) {
    const [whole, name, value] = label.exec(rest) ?? [];
    if (whole === undefined || name === undefined || name in labels) throw new Error(`bad labels: ${text}`);
    labels[name] = JSON.parse(`"${value}"`) as string;
    rest = rest.slice(whole.length);
  }
  return labels;
}

function toNumber(text: string): number {
  return Number(text.replace("Inf", "Infinity"));
}

/** Checks the buckets of a histogram without labels. */
function assertHistogram(name: string, samples: readonly Sample[]): void {
  const buckets = samples.filter((one) => one.name === `${name}_bucket`);
  const count = samples.find((one) => one.name === `${name}_count`)?.value;
  const bounds = buckets.map(({ labels }) => toNumber(labels["le"] ?? ""));
  const isRising = (values: readonly number[], isStrict: boolean) =>
    values.every((value, index) => index === 0 || value - values[index - 1]! >= (isStrict ? 1e-9 : 0));
  if (!isRising(bounds.slice(0, -1), true) || bounds.at(-1) !== Infinity) {
    throw new Error(`${name}: bucket bounds are out of order`);
  }
  if (
    !isRising(
      buckets.map(({ value }) => value),
      false,
    )
  )
    throw new Error(`${name}: bucket counts decrease`);
  if (buckets.at(-1)?.value !== count) throw new Error(`${name}: the last bucket differs from the count`);
  if (!samples.some((one) => one.name === `${name}_sum`)) throw new Error(`${name} has no sum`);
}
