import * as v from "valibot";

/**
 * Creates the schema of a duration in seconds. The maximum is 11 days: a timer of more than 2^31-1 ms would
 * fire after 1 ms.
 */
export function seconds(description: string, least = 0) {
  return duration(description, "seconds", least, longestSeconds);
}

/** Creates the schema of a duration in milliseconds, with the same maximum. */
export function milliseconds(description: string, least = 0) {
  return duration(description, "milliseconds", least, longestSeconds * 1000);
}

const longestSeconds = 1_000_000;

function duration(description: string, unit: "seconds" | "milliseconds", least: number, most: number) {
  return v.pipe(
    v.number(`expected a number of ${unit}`),
    v.minValue(least, `expected ${least} or more ${unit}`),
    v.maxValue(most, `expected at most ${most} ${unit}`),
    v.description(description),
    v.metadata({ hint: unit }),
  );
}
