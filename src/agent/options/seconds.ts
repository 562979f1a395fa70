import * as v from "valibot";

/** The schema of a duration in seconds. */
export function seconds(description: string) {
  return v.pipe(
    v.number(),
    v.minValue(0, "expected 0 or more seconds"),
    v.description(description),
    v.metadata({ hint: "seconds" }),
  );
}
