import { type Logger, toMessage, toSize } from "signalman";
import { type HttpServer, openHttpServer } from "signalman/http";
import { addUpstream, type CacheUpstream } from "../cache.ts";
import type { ListenAddress } from "../config.ts";
import { createCredentials, toOperatorToken } from "../credentials.ts";
import { createIdentity, saveIdentity, toIdentityPath } from "../identity.ts";
import { declareMetrics } from "../metrics.ts";
import { createOperatorHandler } from "../operator/handler.ts";
import { bucket } from "../s3/bucket.ts";
import { createS3 } from "../s3/handler.ts";
import { limits, loopback } from "../servers.ts";
import { createSharing } from "../sharing.ts";
import { openStore } from "../store/store.ts";
import { createUploads } from "../store/uploads.ts";
import { createCacheUses } from "../uses.ts";
import { setGauges } from "../show-usage.ts";
import { createEndedJobs } from "./ended-jobs.ts";
import { createHealthHandler } from "./health-handler.ts";
import { createJobHandler } from "./job-handler.ts";
import { toSharedSecret } from "./shared-secret.ts";
import { createTextMetrics } from "./text-metrics.ts";

export interface ServiceOptions {
  /** Bytes. */
  readonly size: number;
  readonly path: string;
  /** One address at least. */
  readonly listen: readonly ListenAddress[];
  /** `cache-secret`. */
  readonly secret: string;
  /** `cache-share`. */
  readonly share: readonly string[];
  /** Returns what `cache-upstream` names. */
  readonly toUpstream?: (metrics: CacheUpstream["metrics"]) => CacheUpstream | undefined;
  readonly logger: Logger;
}

/** A cache that several agents use. */
export interface CacheService extends AsyncDisposable {
  readonly urls: readonly string[];
}

/**
 * Serves the jobs of all agents that have its secret. It does not know which jobs run: their keys end when agents say
 * so, and after a day at the latest. Its directory has a file by which the operator's commands find it.
 */
export async function openService(options: ServiceOptions): Promise<CacheService> {
  const { size, path, listen, secret, share, toUpstream = () => undefined, logger } = options;
  await using opened = new AsyncDisposableStack();
  const texts = createTextMetrics();
  const metrics = declareMetrics(texts);
  const upstream = toUpstream(metrics.upstream);
  const own = openStore({ root: path, capacity: size });
  const store = opened.use(
    upstream === undefined ? own : await addUpstream(own, { root: path, upstream, logger }),
  );
  const uploads = opened.use(createUploads({ store }));
  const ended = createEndedJobs();
  const credentials = createCredentials({
    secret: toSharedSecret(secret),
    isAlive: (job) => !ended.has(job),
  });
  const uses = createCacheUses(metrics.count);
  const sharing = createSharing(share);
  const s3 = createS3({ bucket, store, uploads, credentials, uses, sharing, logger });
  const jobs = createJobHandler({
    credentials,
    uses,
    next: s3,
    end(job) {
      ended.add(job);
      uses.end(job);
    },
  });
  const readMetrics = (): string => {
    setGauges(store, metrics);
    return texts.format();
  };
  const handler = createHealthHandler({ loaded: store.loaded, readMetrics, next: jobs });
  const servers: HttpServer[] = [];
  for (const { host, port } of listen) {
    const address = { kind: "tcp", host, port } as const;
    servers.push(
      opened.use(await openHttpServer({ address, option: "cache-listen", limits, logger }, handler)),
    );
  }
  const identity = createIdentity();
  const token = toOperatorToken(identity.secret);
  const operator = opened.use(
    await openHttpServer(
      { address: { kind: "tcp", host: loopback, port: 0 }, option: "cache-path", limits, logger },
      createOperatorHandler({ token, store, uses, sharing, capacity: size, next: handler }),
    ),
  );
  saveIdentity(toIdentityPath(path), { ...identity, url: operator.url });
  const urls = servers.map(({ url }) => url);
  logger.info(`a cache of ${toSize(size)} is at ${urls.join(" and ")}`);
  store.loaded.catch((error: unknown) =>
    logger.error(`the objects of the cache could not be listed, and nothing is evicted: ${toMessage(error)}`),
  );
  const kept = opened.move();
  return { urls, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
