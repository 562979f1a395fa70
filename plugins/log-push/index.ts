import { definePlugin, logBackend, version } from "signalman";
import { config } from "./config.ts";
import { createLogPush } from "./push.ts";

/** Pushes a job's log to the log server named in the job's request (protocol section 4). */
export default definePlugin({
  name: "log-push",
  description: "pushes a job's log to the log server named in the job's request",
  runsIn: ["agent"],
  config,
  setup(ctx, options) {
    ctx.provide(logBackend, "push", {
      open: (context) =>
        createLogPush(context, {
          userAgent: `SemaphoreAgent/${version}`,
          maxEvents: options["max-events"],
          maxBytes: options["max-bytes"],
          intervalMs: options["interval-ms"],
          timeoutMs: options["request-timeout"] * 1000,
          retryDelayMs: options["retry-delay-ms"],
          retryDelayMaxMs: options["retry-delay-max"] * 1000,
        }),
    });
  },
});
