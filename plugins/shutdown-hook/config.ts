import * as v from "valibot";

export const config = v.strictObject({
  "shutdown-hook-path": v.optional(
    v.pipe(
      v.string(),
      v.description(
        "Script to run on this host when the agent has disconnected from its control plane; none when empty",
      ),
      v.examples(["/etc/signalman/shutdown.sh"]),
      v.metadata({ hint: "path", script: "agent" }),
    ),
    "",
  ),
});
