import { check, definePlugin, withoutSecrets } from "signalman";
import { config } from "./config.ts";
import { runShutdownHook } from "./script.ts";

/** Runs a script of the operator on this host when the agent shuts down (protocol section 6.5). */
export default definePlugin({
  name: "shutdown-hook",
  description: "runs a script of the operator on this host when the agent shuts down",
  runsIn: ["agent"],
  config,
  flags: { "shutdown-hook-path": "shutdown-hook-path" },
  setup(ctx, { "shutdown-hook-path": path }) {
    ctx.provide(check, "shutdown-hook", {
      async run() {
        const { checkScript } = await import("signalman/host");
        return checkScript({ path, option: "shutdown-hook-path" });
      },
    });
    let isRegistered = false;
    ctx.hook("agent:registered", () => {
      isRegistered = true;
    });
    // The script may power off this machine, which a failed registration or `run` must not do.
    ctx.hook("agent:exit", async ({ reason }) => {
      if (path !== "" && isRegistered) {
        await runShutdownHook({ path, reason, env: withoutSecrets(process.env), logger: ctx.log });
      }
    });
  },
});
