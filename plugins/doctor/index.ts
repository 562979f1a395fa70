import { definePlugin } from "signalman";

/** Checks a machine and its configuration. When an agent starts, it warns of what would lose jobs. */
export default definePlugin({
  name: "doctor",
  description: "checks that this machine can run an agent",
  runsIn: ["agent"],
  commands: { doctor: () => import("./command.ts") },
  setup(ctx) {
    ctx.hook("agent:start", ({ status, jobUsers }) => {
      if (status === undefined) return;
      const { stateDirectory } = status();
      const warn = async () => {
        const { warnOfHost, warnOfUsers } = await import("./host-warnings.ts");
        void warnOfHost({ logger: ctx.log, env: process.env, stateDirectory });
        void warnOfUsers({ logger: ctx.log, env: process.env, jobUsers });
      };
      // The agent's first request is sent before.
      const soon = setImmediate(() => void warn());
      ctx.defer(() => clearImmediate(soon));
    });
  },
});
