import { definePlugin, executor } from "signalman";
import { config } from "./config.ts";
import { createSandboxExecutor } from "./sandbox.ts";

/** Runs each job in a bubblewrap sandbox on this host. */
export default definePlugin({
  name: "sandbox-executor",
  description: "runs each job in a bubblewrap sandbox on this host",
  runsIn: ["agent", "job"],
  config,
  flags: { "sandbox-network": "network", "sandbox-start-timeout": "start-timeout" },
  setup(ctx, options) {
    ctx.provide(executor, "sandbox", { create: (context) => createSandboxExecutor(context, options) });
  },
});
