import { definePlugin, logSink } from "signalman";
import { config } from "./config.ts";
import { createStore } from "./store.ts";

/** Stores each job's log in S3-compatible storage. */
export default definePlugin({
  name: "s3-log-sink",
  description: "stores each job's log in S3-compatible storage",
  runsIn: ["agent"],
  config,
  flags: {
    "s3-logs-bucket": "bucket",
    "s3-logs-prefix": "prefix",
    "s3-logs-endpoint": "endpoint",
    "s3-logs-region": "region",
    "s3-logs-access-key-id": "access-key-id",
    "s3-logs-secret-access-key": "secret-access-key",
    "s3-logs-session-token": "session-token",
    "s3-logs-gzip": "gzip",
  },
  setup(ctx, options) {
    const store = createStore(options);
    ctx.provide(logSink, "s3", { open: (context) => ({ run: (signal) => store.storeLog(context, signal) }) });
  },
});
