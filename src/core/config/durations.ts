import * as v from "valibot";

/**
 * Creates the schema of a duration in seconds, at most 1,000,000 (11 days). The runtime's timers hold 2^31-1 ms, which is little more than twice
 * that; a longer timer would fire after 1 ms.
 */
export function seconds(description: string, least = 0) {
  return v.pipe(
    v.number("expected a number of seconds"),
    v.minValue(
      least,
      least === 0 ? "expected 0 or more seconds" : `expected at least ${toUnit(least, "second")}`,
    ),
    v.maxValue(longestSeconds, `expected at most ${longestSeconds} seconds`),
    v.description(description),
    v.metadata({ hint: "seconds" }),
  );
}

/** Creates the schema of a duration in milliseconds, with the same maximum as {@link seconds}. */
export function milliseconds(description: string, least = 0) {
  return v.pipe(
    v.number("expected a number of milliseconds"),
    v.minValue(least, `expected at least ${least} ms`),
    v.maxValue(longestSeconds * 1000, `expected at most ${longestSeconds * 1000} ms`),
    v.description(description),
    v.metadata({ hint: "milliseconds" }),
  );
}

function toUnit(amount: number, unit: string): string {
  return `${amount} ${unit}${amount === 1 ? "" : "s"}`;
}

const longestSeconds = 1_000_000;
