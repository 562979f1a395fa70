import { definePlugin } from "signalman";
import { config } from "./config.ts";

/**
 * Prepares this host for SSH sessions into a job (protocol sections 6.3, 8.6). Only `signalman serve` enables
 * it.
 */
export default definePlugin({
  name: "ssh-jump-point",
  description: "adds the SSH keys of a job and the jump point script in hosted mode",
  runsIn: ["job"],
  config,
  flags: { "ssh-jump-point-path": "path" },
  setup(ctx, { enabled, path }) {
    if (!enabled) return;
    ctx.hook("job:start", async ({ job }) => {
      const { addAuthorizedKeys } = await import("./authorized-keys.ts");
      const { writeJumpPoint } = await import("./jump-point.ts");
      addAuthorizedKeys(job.sshPublicKeys);
      writeJumpPoint(path, job);
    });
  },
});
