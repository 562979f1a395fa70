import { join } from "node:path";
import { type Logger, toMessage, toSize } from "signalman";
import { type HttpLimits, type HttpServer, openHttpServer } from "signalman/http";
import { createCredentials, type Credentials } from "./credentials.ts";
import { keepIdentity } from "./identity.ts";
import { createS3 } from "./s3/handler.ts";
import { openStore } from "./store/store.ts";
import { createUploads } from "./store/uploads.ts";

export interface CacheOptions {
  /** Bytes. */
  readonly size: number;
  /** Empty: in the state directory. */
  readonly path: string;
  readonly stateDirectory: string;
  /** Whether a job is running. */
  readonly isAlive: (job: string) => boolean;
  readonly logger: Logger;
}

/** A server that is the bucket of this host's jobs. */
export interface Cache extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly bucket: string;
  readonly credentials: Pick<Credentials, "issue">;
}

/**
 * Opens the cache. Its port and its secret are those of the process before, so that running jobs keep their
 * access. The objects are found while it serves.
 */
export async function openCache({
  size,
  path,
  stateDirectory,
  isAlive,
  logger,
}: CacheOptions): Promise<Cache> {
  await using opened = new AsyncDisposableStack();
  const store = opened.use(openStore({ root: path || join(stateDirectory, "cache"), capacity: size }));
  const uploads = opened.use(createUploads({ store }));
  const identity = keepIdentity(join(stateDirectory, "cache.json"));
  const credentials = createCredentials({ secret: identity.secret, isAlive });
  const handler = createS3({ bucket, store, uploads, credentials, logger });
  const listen = (port: number): Promise<HttpServer> =>
    openHttpServer(
      { address: { kind: "tcp", host: "127.0.0.1", port }, option: "cache-size", limits },
      handler,
    );
  const { port } = identity;
  const server = opened.use(
    await listen(port).catch((error) => (port === 0 ? Promise.reject(error) : listen(0))),
  );
  if (port !== 0 && server.port !== port)
    logger.warn(`port ${port} of the cache is in use: jobs that were running before do not reach the cache`);
  identity.save(server.port);

  logger.info(`a cache of ${toSize(size)} is at ${server.url}`);
  store.loaded.catch((error: unknown) =>
    logger.error(`the objects of the cache could not be listed, and nothing is evicted: ${toMessage(error)}`),
  );
  const kept = opened.move();
  return { url: server.url, bucket, credentials, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const bucket = "cache";

/**
 * Twenty jobs that restore have a hundred connections. A body may be as long as it takes at 16 KiB per second,
 * after its first 30 seconds.
 */
const limits: HttpLimits = {
  connections: 1024,
  requestMs: 30_000,
  stallMs: 30_000,
  idleMs: 60_000,
};
