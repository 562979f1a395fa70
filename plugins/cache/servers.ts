import { type Logger, toMessage } from "signalman";
import { type Handler, type HttpLimits, type HttpServer, openHttpServer } from "signalman/http";
import type { ListenAddress } from "./config.ts";
import type { Identity } from "./identity.ts";

export interface ServersOptions {
  readonly handler: Handler;
  /** Receives the requests to the server for processes of this host. */
  readonly localHandler: Handler;
  /** The address at which jobs of an executor reach this host, by the executor's name. */
  readonly hosts: Readonly<Record<string, string>>;
  /** Further addresses (`cache-listen`). */
  readonly listen: readonly ListenAddress[];
  /** Names the ports of the earlier process. */
  readonly earlier: Pick<Identity, "url" | "urls">;
  readonly logger: Logger;
}

/** The servers of a cache. */
export interface CacheServers extends Pick<Identity, "url" | "urls">, AsyncDisposable {}

/**
 * Opens a server at 127.0.0.1, and one at each other address at which jobs reach this host. The ports are those of
 * the process before where they are free, since running jobs know them. An address of an executor that is not one
 * of this host is left out, one of `listen` throws.
 */
export async function openServers(options: ServersOptions): Promise<CacheServers> {
  const { handler, localHandler, hosts, listen, earlier, logger } = options;
  await using opened = new AsyncDisposableStack();
  const ports = new Map([earlier.url, ...Object.values(earlier.urls)].filter(Boolean).map(toHostAndPort));
  const open = async (host: string, port: number, option: string): Promise<HttpServer> =>
    opened.use(
      await openHttpServer(
        { address: { kind: "tcp", host, port }, option, limits, logger },
        host === loopback ? localHandler : handler,
      ),
    );
  const openAgain = async (host: string): Promise<HttpServer> => {
    const port = ports.get(host) ?? 0;
    if (port === 0) return open(host, 0, "cache-size");
    return open(host, port, "cache-size").catch(async () => {
      const server = await open(host, 0, "cache-size");
      const lost = "jobs that were running before do not reach the cache";
      logger.warn(`port ${port} of the cache at ${host} is in use: ${lost}`);
      return server;
    });
  };

  const { url } = await openAgain(loopback);
  const urls: Record<string, string> = {};
  const found = new Map([[loopback, url]]);
  for (const [executor, host] of Object.entries(hosts)) {
    try {
      const known = found.get(host) ?? (await openAgain(host)).url;
      found.set(host, known);
      urls[executor] = known;
    } catch (error) {
      logger.warn(
        `jobs of the executor "${executor}" do not reach the cache at ${host}: ${toMessage(error)}`,
      );
    }
  }
  for (const { host, port } of listen) await open(host, port, "cache-listen");
  const kept = opened.move();
  return { url, urls, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

export const loopback = "127.0.0.1";

function toHostAndPort(url: string): [host: string, port: number] {
  const { hostname, port } = new URL(url);
  return [hostname, Number(port)];
}

/**
 * Twenty jobs that restore have a hundred connections. A body may be as long as it takes at 16 KiB per second,
 * after its first 30 seconds.
 */
export const limits: HttpLimits = {
  connections: 1024,
  requestMs: 30_000,
  stallMs: 30_000,
  idleMs: 60_000,
};
