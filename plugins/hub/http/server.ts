import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { AgentError, toMessage } from "signalman";
import type { Hub, HubOptions } from "../contract.ts";
import { type AgentApi, handleAgentCall, isAgentPath } from "./agent-api.ts";
import { createExchange } from "./exchange.ts";
import { handlePush, isLogPath } from "./log-api.ts";
import { handleManagement } from "./management.ts";

/** The hub's HTTP server. */
export interface HubServer {
  /** `127.0.0.1:PORT` */
  readonly endpoint: string;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Closes all connections and stops listening. */
  close(): Promise<void>;
}

export interface ServerOptions {
  readonly listen: HubOptions["listen"];
  /** Returns the hub, which exists before the first request. */
  readonly findHub: () => Hub;
}

/**
 * Serves the agent API, the log API and the management API. Throws `USAGE_INVALID` when the address is not
 * available.
 */
export async function startServer(
  api: AgentApi,
  { listen: address, findHub }: ServerOptions,
): Promise<HubServer> {
  const { state, changes } = api;
  const server = createServer((request, response) => {
    const exchange = createExchange(request, response);
    const { path } = exchange;
    const handled = isAgentPath(path)
      ? handleAgentCall(exchange, api)
      : isLogPath(path)
        ? handlePush(exchange, api)
        : handleManagement(exchange, { hub: findHub(), state, changes });
    handled.catch((error: unknown) => exchange.send(500, {}, toMessage(error)).catch(exchange.drop));
  });
  server.keepAliveTimeout = 75_000;
  const { hostname = "127.0.0.1", port = 0 } = address ?? {};
  const bound = await listen(server, hostname, port);
  const host = ["0.0.0.0", "::", ""].includes(hostname) ? "127.0.0.1" : hostname;
  const endpoint = `${host.includes(":") ? `[${host}]` : host}:${bound}`;
  return {
    endpoint,
    url: `http://${endpoint}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Starts listening and resolves with the port. */
function listen(server: Server, hostname: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new AgentError("USAGE_INVALID", `listening on "${hostname}:${port}" failed: ${toMessage(error)}`, {
          cause: error,
        }),
      ),
    );
    server.listen(port, hostname, () => resolve((server.address() as AddressInfo).port));
  });
}
