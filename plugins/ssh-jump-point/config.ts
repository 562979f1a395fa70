import * as v from "valibot";

export const config = v.strictObject({
  enabled: v.optional(
    v.pipe(
      v.boolean(),
      v.description("Open this host to the SSH keys of each job. Set by `signalman serve`"),
    ),
    false,
  ),
  path: v.optional(
    v.pipe(
      v.string(),
      v.nonEmpty("expected a path"),
      v.description("Path of the script through which SSH sessions enter the job of `signalman serve`"),
      v.metadata({ hint: "path" }),
    ),
    "/tmp/ssh_jump_point",
  ),
});
