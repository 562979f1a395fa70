import { definePlugin } from "signalman";

/** Checks a machine and its configuration. When an agent starts, it warns of what would lose jobs. */
export default definePlugin({
  name: "doctor",
  description: "checks that this machine can run an agent",
  runsIn: ["agent"],
  commands: { doctor: () => import("./command.ts") },
  setup(ctx) {
    ctx.hook("agent:start", async ({ status }) => {
      if (status === undefined) return;
      const { warnOfHost } = await import("./host-warnings.ts");
      void warnOfHost({ logger: ctx.log, env: process.env, stateDirectory: status().stateDirectory });
    });
  },
});
