import { AgentError, defineCommand } from "signalman";
import { toUpstream } from "../cache.ts";
import { type CacheConfig, parseListenAddress } from "../config.ts";
import { openService } from "./open-service.ts";

/** Serves the cache of several agents until it is stopped. */
export default defineCommand({
  meta: { name: "cache serve", description: "serve a cache that the jobs of several agents use" },
  group: "run",
  examples: [
    {
      line: "signalman cache serve --cache-size 50GiB --cache-path /var/cache/signalman --cache-listen :9700",
      purpose: "serve, with the secret in SEMAPHORE_AGENT_CACHE_SECRET",
    },
  ],
  listedOptions: [
    "cache-size",
    "cache-path",
    "cache-listen",
    "cache-secret",
    "cache-share",
    "cache-upstream",
    "config-file",
    "config-env",
    "log-level",
    "log-format",
  ],
  configurationPlace: "agent",
  log: "all",
  args: {},
  async run({ program }) {
    const config = program.config.of("cache") as CacheConfig;
    const { size, path, listen, secret, share } = config;
    const missing = [
      ...(size === 0 ? ["cache-size"] : []),
      ...(path === "" ? ["cache-path"] : []),
      ...(listen.length === 0 ? ["cache-listen"] : []),
      ...(secret === "" ? ["cache-secret"] : []),
    ];
    if (missing.length > 0)
      throw new AgentError("CONFIG_INVALID", `\`cache serve\` needs ${missing.join(", ")}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
    await using _service = await openService({
      size,
      path,
      listen: listen.flatMap((text) => parseListenAddress(text) ?? []),
      secret,
      share,
      toUpstream: (metrics) => toUpstream(config, metrics),
      logger: program.logger,
    });
    await promise;
  },
});
