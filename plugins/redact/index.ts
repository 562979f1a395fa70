import { definePlugin, jobCommand, logFilter } from "signalman";
import { config } from "./config.ts";
import type { Redaction } from "./redaction.ts";

/** Masks secrets in job logs. */
export default definePlugin({
  name: "redact",
  description: "masks secrets in job logs",
  runsIn: ["job"],
  config,
  flags: { "redacted-vars": "vars", "redacted-shapes": "shapes" },
  commands: { redact: () => import("./command.ts") },
  async setup(ctx, options) {
    // Only a process with a job needs them.
    const [{ createRedactCommand }, { openRedaction }] = await Promise.all([
      import("./job-command.ts"),
      import("./redaction.ts"),
    ]);
    // A job's process has one job.
    let current: Redaction | undefined;
    ctx.provide(logFilter, "redact", {
      open: (context) => (current = openRedaction(context, options)),
    });
    ctx.provide(jobCommand, "redact", createRedactCommand({ add: (values) => current?.add(values) }));
  },
});
