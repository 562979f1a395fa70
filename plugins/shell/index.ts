import { definePlugin, executor } from "signalman";
import { config } from "./config.ts";
import { createShellExecutor } from "./shell.ts";

/** Runs jobs in a login bash on this host. */
export default definePlugin({
  name: "shell",
  description: "runs jobs in a login bash on this host",
  runsIn: ["job"],
  config,
  flags: { "keep-processes": "keep-processes", "shell-start-timeout": "start-timeout" },
  setup(ctx, options) {
    ctx.provide(executor, "shell", {
      create: (context) =>
        createShellExecutor(context, {
          startTimeoutMs: options["start-timeout"] * 1000,
          keepProcesses: options["keep-processes"],
        }),
    });
  },
});
