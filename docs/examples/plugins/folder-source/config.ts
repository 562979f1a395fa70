import { v } from "signalman";

export const config = v.strictObject({
  directory: v.pipe(
    v.string("expected the path of a directory"),
    v.description("Directory whose `*.yaml` files are jobs; results and logs are written below it"),
    v.metadata({ hint: "path" }),
  ),
  "poll-interval": v.optional(
    v.pipe(
      v.number("expected a number of seconds"),
      v.minValue(0.001, "expected at least 0.001 seconds"),
      v.description("Seconds between two looks at the directory"),
      v.metadata({ hint: "seconds" }),
    ),
    1,
  ),
});

export type FolderConfig = v.InferOutput<typeof config>;
