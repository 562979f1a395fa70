import { definePlugin } from "signalman";
import { config } from "./config.ts";

/** Serves a cache of jobs in the dialect of S3. */
export default definePlugin({
  name: "cache",
  description: "serves a cache of jobs in the dialect of S3",
  runsIn: ["agent"],
  config,
  flags: { "cache-size": "size", "cache-path": "path" },
  setup(ctx, { size, path }) {
    if (size === 0) return;
    ctx.hook("agent:start", async ({ status }) => {
      if (!status) return;
      const { openCache } = await import("./cache.ts");
      const { stateDirectory } = status();
      const isAlive = (id: string) =>
        status().slots.some(({ job }) => job?.id === id && job.phase === "running");
      const cache = await openCache({ size, path, stateDirectory, isAlive, logger: ctx.log });
      ctx.defer(async () => cache[Symbol.asyncDispose]());
    });
  },
});
