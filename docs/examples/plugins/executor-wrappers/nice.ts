import { definePlugin, executorWrapper, v } from "signalman";

/** Runs jobs of the shell with a lower priority. */
export default definePlugin({
  name: "nice",
  description: "runs jobs of the shell with a lower priority",
  runsIn: ["job"],
  config: v.strictObject({ level: v.optional(v.number(), 10) }),
  setup(ctx, { level }) {
    ctx.provide(executorWrapper, "nice", {
      executors: ["shell"],
      commandPrefix: () => ["nice", "-n", `${level}`],
    });
  },
});
