import * as v from "valibot";
import { parseSize } from "../../core/text/amounts.ts";

/**
 * Creates the schema of a duration in seconds. The maximum is 11 days: a timer of more than 2^31-1 ms would
 * fire after 1 ms.
 */
export function seconds(description: string, least = 0) {
  return duration(description, "seconds", least, longestSeconds);
}

/** Creates the schema of a duration in milliseconds. The maximum is 11 days. */
export function milliseconds(description: string, least = 0) {
  return duration(description, "milliseconds", least, longestSeconds * 1000);
}

/** Creates the schema of a size: a number of bytes, or a text with a unit. The output is in bytes. */
export function bytes(description: string) {
  return v.pipe(
    v.union([v.number(), v.string()], expected),
    v.description(description),
    v.examples(["512MiB"]),
    v.metadata({ hint: "bytes" }),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const size = parseSize(String(dataset.value));
      if (size !== undefined) return size;
      addIssue({ message: expected });
      return NEVER;
    }),
  );
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

const expected = "expected bytes, such as 512MiB, 1GiB or 1000000";
