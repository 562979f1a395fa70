import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { AgentError, toMessage } from "../../core/errors.ts";
import { isLoopbackName } from "../../os/network/loopback.ts";
import { findHostFault, toUrl } from "./address.ts";
import { type Connection, createConnections } from "./connections.ts";
import { createExchange, hasBody } from "./exchange.ts";
import { catchErrors, type Handler } from "./handler.ts";
import { listen } from "./listen.ts";
import { assertServerOptions, type HttpServerOptions } from "./options.ts";

/** A server that accepts connections until it is closed. */
export interface HttpServer extends AsyncDisposable {
  /** `http://HOST:PORT`, `http://*:PORT` for all addresses, `https://HOST:PORT` or `unix:PATH`. */
  readonly url: string;
  /** The selected port; 0 for a socket. */
  readonly port: number;
  /** Whether only processes of this host can reach the server. */
  readonly isLocal: boolean;
  /** Closes the server and all connections at once; resolves when none is left. */
  close(): Promise<void>;
}

/**
 * Opens a server of HTTP/1.1 and HTTP/1.0, which bounds what clients can make it keep and how long they can
 * make it wait. Throws `FILE_FAILED` with address and option when it cannot listen or the certificate is not
 * usable, and `PLUGIN_INVALID` when an option is unknown, missing or of another type.
 *
 * At a loopback address it refuses (403) requests whose `Host` is neither this host nor one of `hosts`, since
 * these come from web pages whose name resolves to this host. Elsewhere every name is accepted: clients call
 * by the names that their network gives this host. Pages can reach neither a socket nor a server with a
 * certificate that does not name them.
 */
export async function openHttpServer(options: HttpServerOptions, handler: Handler): Promise<HttpServer> {
  assertServerOptions(options, handler);
  const { address, option, tls, limits } = options;
  const answer = catchErrors(handler, options.logger);
  const connections = createConnections(limits);
  const connectionOf = new WeakMap<object, Connection>();
  let checkHost = (_header: string): string | undefined => undefined;

  const http = createHttpServer({ maxHeaderSize: limits.headerBytes ?? 16 * 1024 });
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = connectionOf.get(request.socket);
    if (!connection?.accept()) return;
    if (!hasBody(request)) connection.answering();
    else connection.expectBody(Number(request.headers["content-length"] ?? 0));
    response.once("close", () => connection.idle());
    const exchange = createExchange(request, response, { limits, connection });
    const fault = checkHost(request.headers.host ?? "");
    if (fault === undefined) void answer(exchange);
    else exchange.send(403, `${fault}\n`).catch(exchange.drop);
  };
  http.on("request", take);
  // A body is invited only once it is known that it will be read.
  http.on("checkContinue", take);
  http.on("clientError", (_error, socket) => void socket.destroy());

  // Bun's HTTP servers neither count nor close connections that have sent nothing yet, so a server of bytes
  // accepts them here.
  const server = tls === undefined ? createServer() : createSecureServer(tls);
  server.on("connection", (socket: Socket) => connectionOf.set(socket, connections.add(socket)));
  server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
    const connection = connectionOf.get(socket);
    if (connection === undefined || socket.destroyed) return void socket.destroy();
    connection.receiving();
    http.emit("connection", socket);
  });
  server.on("tlsClientError", (_error, socket: Socket) => void socket.destroy());

  const protocol = tls === undefined ? "http" : "https";
  await listen(server, address).catch((cause: unknown) => {
    const where = toUrl(address, protocol);
    throw new AgentError("FILE_FAILED", `cannot listen on ${where} (${option}): ${toMessage(cause)}`, {
      cause,
    });
  });
  const bound = server.address();
  const [host, port] = typeof bound === "object" && bound !== null ? [bound.address, bound.port] : ["", 0];
  const isLocal = address.kind === "unix" || isLoopbackName(host);
  if (address.kind === "tcp" && isLocal && tls === undefined) {
    const all = { ...options.hosts, names: [address.host, ...(options.hosts?.names ?? [])] };
    checkHost = (header) => findHostFault(header, all);
  }
  const close = (): Promise<void> =>
    new Promise((closed) => {
      server.close(() => closed());
      connections.closeAll();
    });
  return { url: toUrl(address, protocol, port), port, isLocal, close, [Symbol.asyncDispose]: close };
}

function createSecureServer(tls: { readonly cert: string; readonly key: string }): Server {
  try {
    return createTlsServer({ ...tls, minVersion: "TLSv1.2", ALPNProtocols: ["http/1.1", "http/1.0"] });
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `certificate or key cannot be used: ${toMessage(cause)}`, { cause });
  }
}
