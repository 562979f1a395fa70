import { seconds, v } from "signalman";

export const config = v.strictObject({
  url: v.optional(
    v.pipe(
      v.string(),
      v.url("expected the address of an incoming webhook: https://…"),
      v.description("Address of the incoming webhook (Slack, Mattermost); disabled when missing"),
      v.metadata({ secret: true }),
    ),
  ),
  results: v.optional(
    v.pipe(
      v.array(v.picklist(["failed", "stopped", "passed"], "expected failed, stopped or passed")),
      v.description("Job results to report"),
    ),
    ["failed"],
  ),
  projects: v.optional(
    v.pipe(v.array(v.string()), v.description("Globs of projects to report; all projects when empty")),
    [],
  ),
  branches: v.optional(
    v.pipe(v.array(v.string()), v.description("Globs of branches to report; all branches when empty")),
    [],
  ),
  "retry-delay": v.optional(seconds("Seconds before the first retry; doubled with each further one"), 1),
});

export type ChatConfig = v.InferOutput<typeof config>;
