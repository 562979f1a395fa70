import * as v from "valibot";

export const config = v.strictObject({
  "shutdown-hook-path": v.optional(
    v.pipe(
      v.string(),
      v.description(
        "A script to run on this host when the agent has left its control plane; none when empty",
      ),
      v.metadata({ hint: "path" }),
    ),
    "",
  ),
});
