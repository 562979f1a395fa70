import * as v from "valibot";
import { parseSize } from "../../core/text/amounts.ts";

/** Creates the schema of a size: a number of bytes, or a text with a unit. The output is in bytes. */
export function bytes(description: string) {
  return v.pipe(
    v.union([v.number(), v.string()], expected),
    v.description(description),
    v.metadata({ hint: "bytes" }),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const size = parseSize(String(dataset.value));
      if (size !== undefined) return size;
      addIssue({ message: expected });
      return NEVER;
    }),
  );
}

const expected = "expected bytes, such as 512MiB, 1GiB or 1000000";
