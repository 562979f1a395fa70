import * as v from "valibot";
import { secretNamePatterns } from "signalman";

export type RedactConfig = v.InferOutput<typeof config>;

export const config = v.strictObject({
  vars: v.optional(
    v.pipe(
      v.array(v.string()),
      v.description("Names of variables (globs) whose values are masked in job logs"),
      v.examples([["*_TOKEN", "AWS_*"]]),
    ),
    [...secretNamePatterns],
  ),
  shapes: v.optional(
    v.pipe(
      v.boolean(),
      v.description("Mask tokens of known formats in job logs, whichever variable they come from"),
    ),
    true,
  ),
});
