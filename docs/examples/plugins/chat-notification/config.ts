import { v } from "signalman";

export const config = v.strictObject({
  url: v.optional(
    v.pipe(
      v.string(),
      v.url("expected the address of an incoming webhook: https://…"),
      v.description("The incoming webhook (Slack, Mattermost); without it nothing is posted"),
      v.metadata({ secret: true }),
    ),
  ),
  results: v.optional(
    v.pipe(
      v.array(v.picklist(["failed", "stopped", "passed"], "expected failed, stopped or passed")),
      v.description("After which results"),
    ),
    ["failed"],
  ),
  projects: v.optional(
    v.pipe(v.array(v.string()), v.description("Of which projects, as globs; none: of all")),
    [],
  ),
  branches: v.optional(
    v.pipe(v.array(v.string()), v.description("Of which branches, as globs; none: of all")),
    [],
  ),
  "retry-delay": v.optional(
    v.pipe(
      v.number("expected a number of seconds"),
      v.minValue(0, "expected 0 seconds or more"),
      v.description("How long to wait before the second attempt, in seconds; doubled with each further one"),
    ),
    1,
  ),
});

export type ChatConfig = v.InferOutput<typeof config>;
