import { check, definePlugin } from "signalman";
import { config } from "./config.ts";
import { runPostJobHook, runPreJobHook } from "./script.ts";

/** Runs scripts of the operator in each job's session, before and after its commands (protocol section 6.5). */
export default definePlugin({
  name: "job-hooks",
  description: "runs scripts of the operator in each job's session, before and after its commands",
  runsIn: ["job"],
  config,
  flags: {
    "pre-job-hook-path": "pre-job-hook-path",
    "post-job-hook-path": "post-job-hook-path",
    "source-pre-job-hook": "source-pre-job-hook",
    "fail-on-pre-job-hook-error": "fail-on-pre-job-hook-error",
  },
  setup(ctx, options) {
    ctx.provide(check, "job-hooks", {
      run: async (context) => (await import("./check.ts")).checkHooks(options, context),
    });
    ctx.hook("job:prepare", ({ run }) =>
      runPreJobHook({
        path: options["pre-job-hook-path"],
        isSourced: options["source-pre-job-hook"],
        isFatal: options["fail-on-pre-job-hook-error"],
        logger: ctx.log,
        run,
      }),
    );
    ctx.hook("job:finish", ({ run }) =>
      runPostJobHook({ path: options["post-job-hook-path"], logger: ctx.log, run }),
    );
  },
});
