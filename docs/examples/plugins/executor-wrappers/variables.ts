import { definePlugin, executorWrapper } from "signalman";

/** Sets variables anew before each command of a job. */
export default definePlugin({
  name: "variables",
  description: "sets variables before each command",
  runsIn: ["job"],
  setup(ctx) {
    ctx.provide(executorWrapper, "variables", {
      wrap(executor) {
        let index = 0;
        return {
          async run(directive, output, options) {
            if (options?.silent) return executor.run(directive, output, options);
            index += 1;
            const code = await executor.run(`export COMMAND_INDEX=${index}`, output, { silent: true });
            return code === 0 ? executor.run(directive, output, options) : code;
          },
        };
      },
    });
  },
});
