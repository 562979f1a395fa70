import { lookup } from "node:dns/promises";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTlsServer, type Server } from "node:tls";
import { AgentError, type Connection, createConnections, toMessage } from "signalman";
import type { Limits } from "./limits.ts";

export interface HttpsServerOptions {
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  /** PEM. */
  readonly key: string;
  /** PEM: the certificate, followed by its chain. */
  readonly cert: string;
  readonly limits: Limits;
}

export interface HttpsServer {
  /** `https://HOST:PORT`, with the selected port. */
  readonly url: string;
  /** Closes the server and all connections at once. */
  close(): Promise<void>;
}

/** Handles one request. `received` is called once its body, if it has one, was read to the end. */
export type Listener = (request: IncomingMessage, response: ServerResponse, received: () => void) => void;

/**
 * Opens the server. Throws `FILE_FAILED` when the address is not available or the certificate is not usable.
 */
export async function openHttpsServer(
  { host, port, key, cert, limits }: HttpsServerOptions,
  listener: Listener,
): Promise<HttpsServer> {
  const connections = createConnections(limits);
  const connectionOf = new WeakMap<object, Connection>();
  const http = createHttpServer({ maxHeaderSize: limits.headerBytes });
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = connectionOf.get(request.socket);
    if (!connection?.accept()) return;
    if (!hasBody(request)) connection.answering();
    response.once("close", () => connection.idle());
    listener(request, response, () => connection.answering());
  };
  http.on("request", take);
  // A body is invited only once it is known that it will be read.
  http.on("checkContinue", take);
  http.on("clientError", (_error, socket) => void socket.destroy());

  // Bun's HTTPS server neither counts nor closes connections that have sent nothing yet, so a TLS server
  // accepts them here.
  const server = createServer({ key, cert });
  server.on("connection", (socket: Socket) => connectionOf.set(socket, connections.add(socket)));
  server.on("secureConnection", (socket) => {
    const connection = connectionOf.get(socket);
    if (connection === undefined || socket.destroyed) return void socket.destroy();
    connection.receiving();
    socket.on("data", () => {
      if (connection.phase === "idle") connection.receiving();
    });
    http.emit("connection", socket);
  });
  server.on("tlsClientError", (_error, socket) => void socket.destroy());

  const bound = await listen(server, host, port);
  return {
    url: `https://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        connections.closeAll();
      }),
  };
}

function createServer(options: { key: string; cert: string }): Server {
  try {
    return createTlsServer({ ...options, minVersion: "TLSv1.2", ALPNProtocols: ["http/1.1", "http/1.0"] });
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `certificate or key cannot be used: ${toMessage(cause)}`, { cause });
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}

/**
 * Resolves to the port. The host is resolved first: Bun reports an unknown name only as a failure to listen.
 */
async function listen(server: Server, host: string, port: number): Promise<number> {
  try {
    const { address } = await lookup(host);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host: address }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    return (server.address() as AddressInfo).port;
  } catch (error) {
    const { code } = Object(error) as { code?: string };
    const reason = code === undefined ? toMessage(error) : (reasons[code] ?? toMessage(error));
    throw new AgentError("FILE_FAILED", `cannot listen on "${host}:${port}" (--host, --port): ${reason}`, {
      cause: error,
    });
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process listens on it",
  EADDRNOTAVAIL: "this host does not have this address",
  EACCES: "permission denied for the agent's user",
  ENOTFOUND: "the name cannot be resolved",
};
