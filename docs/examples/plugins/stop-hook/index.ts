import { definePlugin, seconds, v } from "signalman";

/** Runs a command that a job has named in a variable before the job is stopped. */
export default definePlugin({
  name: "stop-hook",
  description: "runs the command in a job's variable ON_STOP before the job is stopped",
  runsIn: ["job"],
  config: v.strictObject({
    variable: v.optional(
      v.pipe(v.string(), v.regex(/^[A-Z_][A-Z0-9_]*$/), v.description("Variable with the command")),
      "ON_STOP",
    ),
    timeout: v.optional(seconds("Maximum duration of the command, in seconds (at least 1)", 1), 20),
  }),
  setup(ctx, { variable, timeout }) {
    // The session has the exports of the running command, so that a job can set the variable at any time.
    const stop = `[ -z "\${${variable}-}" ] || eval "$${variable}"`;
    ctx.hook(
      "job:stopping",
      async ({ run, cause }) => {
        const code = await run(`STOPPED_BY=${cause.by}; ${stop}`, { alias: variable });
        if (code !== 0) ctx.log.warn(`${variable} of a stopped job has failed`, { exitCode: code });
      },
      { timeoutMs: timeout * 1000 },
    );
  },
});
