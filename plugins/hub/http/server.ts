import { print, toMessage } from "signalman";
import { type HttpLimits, openHttpServer } from "signalman/http";
import type { Hub, HubOptions } from "../contract.ts";
import { type AgentApi, handleAgentCall, isAgentPath } from "./agent-api.ts";
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

const limits: HttpLimits = {
  connections: 1024,
  // More than the 2000 events that an agent may send at once.
  bodyBytes: 256 * 1024 * 1024,
  requestMs: 60_000,
  idleMs: 75_000,
};

/**
 * Serves the agent API, the log API and the management API. Throws `FILE_FAILED` when the address is not
 * available.
 */
export async function startServer(api: AgentApi, { listen, findHub }: ServerOptions): Promise<HubServer> {
  const { state, changes } = api;
  const { hostname = "127.0.0.1", port = 0, hosts: names = [] } = listen ?? {};
  const server = await openHttpServer(
    {
      address: { kind: "tcp", host: hostname, port },
      option: "--listen, --port",
      hosts: { names, option: "--hosts" },
      limits,
      // The handler below answers its errors itself.
      logger: { error: (message) => print(message, process.stderr) },
    },
    async (exchange) => {
      const { path } = exchange;
      try {
        if (isAgentPath(path)) await handleAgentCall(exchange, api);
        else if (isLogPath(path)) await handlePush(exchange, api);
        else await handleManagement(exchange, { hub: findHub(), state, changes });
      } catch (error) {
        await exchange.send(500, toMessage(error));
      }
    },
  );
  const host = ["0.0.0.0", "::", ""].includes(hostname) ? "127.0.0.1" : hostname;
  const endpoint = `${host.includes(":") ? `[${host}]` : host}:${server.port}`;
  return { endpoint, url: `http://${endpoint}`, close: server.close };
}
