import { rmSync } from "node:fs";
import { type AgentStatus, type PluginContext, toMessage } from "signalman";
import { type Cache, openCache, toUpstream } from "./cache.ts";
import { type CacheConfig, parseListenAddress } from "./config.ts";
import { findHosts } from "./find-hosts.ts";
import { toIdentityPath } from "./identity.ts";
import type { CacheMetrics } from "./metrics.ts";
import { createRunningJobs } from "./running-jobs.ts";
import { showUsage } from "./show-usage.ts";
import { createCacheUses } from "./uses.ts";

/** The cache as the agent's hooks see it. */
export interface JobsCache {
  /** The agent follows a job that an earlier process left. */
  resumed(job: string): void;
  ended(job: string): void;
}

export interface ServeJobsOptions {
  readonly config: CacheConfig;
  readonly metrics: CacheMetrics;
  readonly status: () => AgentStatus;
}

/**
 * Serves the agent's jobs until the plugin is disposed. Resolves to `undefined` when the disk is full or broken: jobs
 * then run without a cache. Throws what is a fault of the configuration.
 */
export async function serveJobs(
  ctx: Pick<PluginContext, "all" | "defer" | "log" | "status">,
  { config, metrics, status }: ServeJobsOptions,
): Promise<JobsCache | undefined> {
  const { size, path, listen, share, url } = config;
  const { stateDirectory } = status();
  const running = createRunningJobs(status);
  const uses = createCacheUses(metrics.count);
  const hosts = await findHosts(ctx, url);
  let cache: Cache;
  try {
    cache = await openCache({
      size,
      path,
      stateDirectory,
      hosts,
      listen: listen.flatMap((text) => parseListenAddress(text) ?? []),
      share,
      upstream: toUpstream(config, metrics.upstream),
      isAlive: running.has,
      uses,
      logger: ctx.log,
    });
  } catch (error) {
    if (!isDiskFault(error)) throw error;
    const message = `jobs run without a cache, which could not be opened: ${toMessage(error)}`;
    ctx.log.error(message);
    ctx.status(message);
    forget(stateDirectory);
    return undefined;
  }
  ctx.defer(async () => cache[Symbol.asyncDispose]());
  const show = (): void => showUsage(cache.store, { size, status: ctx.status, gauges: metrics });
  cache.store.loaded.then(show, () => {});
  return {
    resumed: running.take,
    ended(job) {
      running.take(job);
      uses.end(job);
      show();
    },
  };
}

/** Jobs must not be told of the cache of an earlier process. */
function forget(stateDirectory: string): void {
  try {
    rmSync(toIdentityPath(stateDirectory), { force: true });
  } catch {
    // They get variables of a cache that does not answer, which costs them an error message.
  }
}

function isDiskFault(error: unknown): boolean {
  const { code = "", cause } = Object(error) as NodeJS.ErrnoException & { readonly cause?: unknown };
  return ["ENOSPC", "EDQUOT", "EROFS", "EIO"].includes(code) || (cause !== undefined && isDiskFault(cause));
}
