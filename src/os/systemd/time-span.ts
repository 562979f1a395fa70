const seconds: Readonly<Record<string, number>> = {
  us: 1e-6,
  usec: 1e-6,
  ms: 1e-3,
  msec: 1e-3,
  "": 1,
  s: 1,
  sec: 1,
  second: 1,
  seconds: 1,
  m: 60,
  min: 60,
  minute: 60,
  minutes: 60,
  h: 3600,
  hr: 3600,
  hour: 3600,
  hours: 3600,
  d: 86_400,
  day: 86_400,
  days: 86_400,
  w: 604_800,
  week: 604_800,
  weeks: 604_800,
};

/**
 * Reads a time span as systemd writes it (`90`, `1min 30s`, `infinity`), in seconds; `undefined` when it is
 * not valid.
 */
export function toSeconds(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "infinity") return Number.POSITIVE_INFINITY;
  if (!/^(\d+(\.\d+)?\s*[a-z]*\s*)+$/.test(trimmed)) return undefined;
  let sum = 0;
  for (const [, amount, unit = ""] of trimmed.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]*)/g)) {
    const factor = seconds[unit];
    if (factor === undefined) return undefined;
    sum += Number(amount) * factor;
  }
  return sum;
}
