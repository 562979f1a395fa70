import { appendFile } from "node:fs/promises";
import { definePlugin, executorWrapper, v } from "signalman";

/** Records the commands of every job, with their exit codes. */
export default definePlugin({
  name: "recorder",
  description: "records the commands of every job",
  runsIn: ["job"],
  config: v.strictObject({ file: v.optional(v.string(), "commands.txt") }),
  setup(ctx, { file }) {
    ctx.provide(executorWrapper, "recorder", {
      wrap: (executor, { job }) => ({
        async run(directive, output, options) {
          const code = await executor.run(directive, output, options);
          if (!options?.silent) await appendFile(file, `${job.name}: ${code} ${directive}\n`);
          return code;
        },
      }),
    });
  },
});
