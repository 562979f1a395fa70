import { check, checkScript, definePlugin, withoutSecrets } from "signalman";
import { config } from "./config.ts";
import { runShutdownHook } from "./script.ts";

/** Runs a script of the operator on this host as the agent's last act (protocol section 6.5). */
export default definePlugin({
  name: "shutdown-hook",
  description: "runs a script of the operator on this host as the agent's last act",
  runsIn: ["agent"],
  config,
  flags: { "shutdown-hook-path": "shutdown-hook-path" },
  setup(ctx, { "shutdown-hook-path": path }) {
    ctx.provide(check, "shutdown-hook", {
      run: () => checkScript({ path, option: "shutdown-hook-path" }),
    });
    let isRegistered = false;
    ctx.hook("agent:registered", () => {
      isRegistered = true;
    });
    // Who never was an agent (a failed registration, `run`) must not shut this machine down.
    ctx.hook("agent:exit", async ({ reason }) => {
      if (path !== "" && isRegistered) {
        await runShutdownHook({ path, reason, env: withoutSecrets(process.env), logger: ctx.log });
      }
    });
  },
});
