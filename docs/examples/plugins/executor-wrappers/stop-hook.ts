import { definePlugin, executorWrapper, runProgram, v } from "signalman";

/** Runs a program of this host when a job is stopped, before its processes are ended. */
export default definePlugin({
  name: "stop-hook",
  description: "runs a program when a job is stopped",
  runsIn: ["job"],
  config: v.strictObject({ command: v.tupleWithRest([v.string()], v.string()) }),
  setup(ctx, { command }) {
    ctx.provide(executorWrapper, "stop-hook", {
      wrap: (executor, { job, environment, logger }) => ({
        async stop(graceMs) {
          const endsAt = performance.now() + graceMs;
          const env = { PATH: environment["PATH"] ?? "", JOB_ID: job.id };
          await runProgram({ command, env, logger, stop: AbortSignal.timeout(graceMs) });
          // What the program has left of the grace period. The agent would do it as well.
          await executor.stop(Math.max(0, endsAt - performance.now()));
        },
      }),
    });
  },
});
