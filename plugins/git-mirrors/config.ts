import { bytes } from "signalman";
import * as v from "valibot";

export type MirrorsConfig = v.InferOutput<typeof config>;

export const config = v.strictObject({
  enabled: v.optional(
    v.pipe(
      v.boolean(),
      v.description("Keep a mirror of each repository that jobs check out, and serve their clones from it"),
    ),
    false,
  ),
  size: v.optional(bytes("Maximum size of all mirrors of this agent, at least 1 MiB"), "20GiB"),
  path: v.optional(
    v.pipe(
      v.string(),
      v.description(
        "Directory of the mirrors, which only this user can access; in the agent's state directory when empty",
      ),
      v.examples(["/var/cache/signalman-git"]),
      v.metadata({ hint: "path" }),
    ),
    "",
  ),
});
