import { check, definePlugin, type HookEvents, type PluginContext } from "signalman";
import { type CacheConfig, config } from "./config.ts";
import type { Identity } from "./identity.ts";
import { declareMetrics } from "./metrics.ts";
import type { JobsCache } from "./serve-jobs.ts";

/** Serves a cache of jobs in the dialect of S3. */
export default definePlugin({
  name: "cache",
  description: "serves a cache of jobs in the dialect of S3",
  runsIn: ["agent", "job"],
  config,
  flags: {
    "cache-size": "size",
    "cache-path": "path",
    "cache-listen": "listen",
    "cache-url": "url",
    "cache-secret": "secret",
    "cache-share": "share",
    "cache-upstream": "upstream",
    "cache-upstream-key-id": "upstream-key-id",
    "cache-upstream-secret": "upstream-secret",
  },
  commands: {
    "cache list": () => import("./operator/list.ts"),
    "cache usage": () => import("./operator/usage.ts"),
    "cache clear": () => import("./operator/clear.ts"),
    "cache serve": () => import("./service/command.ts"),
  },
  errors: {
    CACHE_LOCKED: {
      cause: "Another agent uses the directory of the cache.",
      remedy:
        "Give each agent a `cache-path` of its own, or leave it out: the default is in the agent's own state.",
    },
    CACHE_UNREACHABLE: {
      cause:
        "No running agent of this state directory serves a cache, or this user may not read its `cache.json`.",
      remedy: "Start the agent with `cache-size`, and call the command as its user, with its `--state-dir`.",
    },
  },
  setup(ctx, options) {
    const { size, url } = options;
    if (size === 0) return setUpService(ctx, options);
    ctx.provide(check, "cache", {
      run: async (context) => (await import("./check.ts")).checkCache(options, context),
    });

    // The agent serves.
    const metrics = declareMetrics(ctx.metrics);
    let cache: JobsCache | undefined;
    ctx.hook("agent:start", async ({ status }) => {
      if (!status) return;
      const { serveJobs } = await import("./serve-jobs.ts");
      cache = await serveJobs(ctx, { config: options, metrics, status });
    });
    ctx.hook("agent:job-resumed", ({ jobId }) => cache?.resumed(jobId));
    ctx.hook("agent:job-ended", ({ jobId }) => cache?.ended(jobId));

    // The process of a job tells it where.
    let used: Identity | undefined;
    ctx.hook("job:start", async (event) => {
      const { setVariables } = await import("./job/set-variables.ts");
      used = setVariables(event, { url, logger: ctx.log });
    });
    ctx.hook("job:finish", async (event) => {
      if (used === undefined) return;
      await (await import("./job/report-use.ts")).reportUse(event, used, ctx.log);
    });
  },
});

/** Jobs use a cache of `cache serve`. */
function setUpService({ hook, log, provide }: PluginContext, { url, secret, share }: CacheConfig): void {
  if (share.length > 0) log.warn("cache-share has no effect without cache-size: set it for `cache serve`");
  if (secret !== "" && url === "") log.warn("cache-secret has no effect without cache-url or cache-size");
  if (url === "" || secret === "") return;
  provide(check, "cache", {
    run: async (context) => (await import("./service/check.ts")).checkService({ url, secret }, context),
  });
  let endKey: ((event: HookEvents["job:finish"]) => Promise<void>) | undefined;
  hook("job:start", async (event) => {
    const { useService } = await import("./service/use-service.ts");
    endKey = useService(event, { url, secret, logger: log });
  });
  hook("job:finish", async (event) => endKey?.(event));
}
