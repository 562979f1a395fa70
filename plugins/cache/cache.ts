import { join } from "node:path";
import { type Logger, toMessage, toSize } from "signalman";
import type { CacheConfig, ListenAddress } from "./config.ts";
import { createCredentials, type Credentials, toOperatorToken } from "./credentials.ts";
import { createIdentity, readIdentity, saveIdentity, toIdentityPath } from "./identity.ts";
import { createOperatorHandler } from "./operator/handler.ts";
import { bucket } from "./s3/bucket.ts";
import { createS3 } from "./s3/handler.ts";
import { createSharing } from "./sharing.ts";
import { openServers } from "./servers.ts";
import { openStore, type ObjectStore } from "./store/store.ts";
import { createUploads } from "./store/uploads.ts";
import type { UpstreamKey } from "./upstream/bucket.ts";
import { parseUpstream, type UpstreamLocation } from "./upstream/location.ts";
import type { UpstreamMetrics } from "./upstream/open-upstream.ts";
import type { CacheUses } from "./uses.ts";

export interface CacheOptions {
  /** Bytes. */
  readonly size: number;
  /** Empty: in the state directory. */
  readonly path: string;
  readonly stateDirectory: string;
  /** The address at which jobs of an executor reach this host, by the executor's name. */
  readonly hosts: Readonly<Record<string, string>>;
  /** Further addresses to listen on. */
  readonly listen: readonly ListenAddress[];
  /** `cache-share`. */
  readonly share: readonly string[];
  /** Left out: the cache has its own objects only. */
  readonly upstream?: CacheUpstream | undefined;
  /** Whether a job is running. */
  readonly isAlive: (job: string) => boolean;
  readonly uses: CacheUses;
  readonly logger: Logger;
}

export interface CacheUpstream {
  readonly location: UpstreamLocation;
  readonly key: UpstreamKey;
  readonly metrics: UpstreamMetrics;
}

/** A server that is the bucket of this agent's jobs. */
export interface Cache extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly credentials: Pick<Credentials, "issue">;
  readonly store: Pick<ObjectStore, "cost" | "projects" | "loaded">;
}

/**
 * Opens the cache. Its ports and its secret are those of the process before, so that running jobs keep their
 * access. The objects are found while it serves.
 */
export async function openCache(options: CacheOptions): Promise<Cache> {
  const { size, path, stateDirectory, hosts, listen, share, upstream, isAlive, uses, logger } = options;
  await using opened = new AsyncDisposableStack();
  const root = toRoot(path, stateDirectory);
  const own = openStore({ root, capacity: size });
  const store = opened.use(upstream === undefined ? own : await addUpstream(own, { root, upstream, logger }));
  const uploads = opened.use(createUploads({ store }));
  const identityPath = toIdentityPath(stateDirectory);
  const earlier = readIdentity(identityPath) ?? createIdentity();
  const { secret } = earlier;
  const credentials = createCredentials({ secret, isAlive });
  const sharing = createSharing(share);
  const handler = createS3({ bucket, store, uploads, credentials, uses, sharing, logger });
  const token = toOperatorToken(secret);
  const localHandler = createOperatorHandler({ token, store, uses, sharing, capacity: size, next: handler });
  const servers = opened.use(await openServers({ handler, localHandler, hosts, listen, earlier, logger }));
  const { url, urls } = servers;
  saveIdentity(identityPath, { secret, url, urls });

  const others = [...new Set(Object.values(urls))].filter((each) => each !== url);
  logger.info(`a cache of ${toSize(size)} is at ${[url, ...others].join(" and ")}`);
  store.loaded.catch((error: unknown) =>
    logger.error(`the objects of the cache could not be listed, and nothing is evicted: ${toMessage(error)}`),
  );
  const kept = opened.move();
  return { url, credentials, store, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Returns what `cache-upstream` names; `undefined` when it names nothing. */
export function toUpstream(
  config: Pick<CacheConfig, "upstream" | "upstream-key-id" | "upstream-secret">,
  metrics: UpstreamMetrics,
): CacheUpstream | undefined {
  const location = parseUpstream(config.upstream);
  const key = { id: config["upstream-key-id"], secret: config["upstream-secret"] };
  return location && { location, key, metrics };
}

export interface AddUpstreamOptions {
  /** The store's directory. */
  readonly root: string;
  readonly upstream: CacheUpstream;
  readonly logger: Logger;
}

/** Puts an upstream behind a store, which it closes. */
export async function addUpstream(
  store: ObjectStore,
  { root, upstream, logger }: AddUpstreamOptions,
): Promise<ObjectStore> {
  const { openUpstreamBucket } = await import("./upstream/bucket.ts");
  const { openUpstream } = await import("./upstream/open-upstream.ts");
  const { location, key, metrics } = upstream;
  return openUpstream({ store, root, bucket: openUpstreamBucket(location, key), metrics, logger });
}

/** The directory of the objects. */
export function toRoot(path: string, stateDirectory: string): string {
  return path || join(stateDirectory, "cache");
}
