import { chmodSync, lstatSync, rmSync } from "node:fs";
import { lookup } from "node:dns/promises";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { connect, createServer, type Server } from "node:net";
import { AgentError, type Connection, type ConnectionLimits, createConnections, toMessage } from "signalman";
import { type Address, toAddressText } from "./address.ts";

export interface HttpServer {
  /** The address that the server listens on, with the selected port. */
  readonly address: string;
  /** Closes the server and all connections at once. */
  close(): Promise<void>;
}

/**
 * A connection carries one request. An answer fits into the buffers of the kernel, unless a client reads
 * nothing.
 */
const limits: ConnectionLimits = {
  connections: 64,
  requests: 1,
  requestMs: 2000,
  answerMs: 10_000,
  idleMs: 2000,
};

/** Starts the server, for up to 64 connections. Throws `FILE_FAILED` with address and option on failure. */
export async function openServer(
  address: Address,
  option: string,
  listener: RequestListener,
): Promise<HttpServer> {
  const connections = createConnections(limits);
  const connectionOf = new WeakMap<object, Connection>();
  const http = createHttpServer((request, response) => {
    const connection = connectionOf.get(request.socket);
    if (!connection?.accept()) return;
    connection.answering();
    response.once("close", () => connection.idle());
    listener(request, response);
  });
  const server = createServer((socket) => {
    connectionOf.set(socket, connections.add(socket));
    if (!socket.destroyed) http.emit("connection", socket);
  });
  try {
    if (address.kind === "unix") await listenAtPath(server, address.path);
    else await listenAtPort(server, address.port, await resolve(address.host));
  } catch (error) {
    const where = toAddressText(address);
    throw new AgentError("FILE_FAILED", `cannot listen on ${where} (${option}): ${toReason(error)}`, {
      cause: error,
    });
  }
  const bound = server.address();
  return {
    address: toAddressText(address, typeof bound === "object" ? bound?.port : undefined),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        connections.closeAll();
      }),
  };
}

/** Resolves the host first: Bun reports an unknown name only as a failure to listen. */
async function resolve(host: string | undefined): Promise<string | undefined> {
  if (host === undefined) return undefined;
  const { address } = await lookup(host).catch((cause: unknown) => {
    throw new Error("the name cannot be resolved", { cause });
  });
  return address;
}

function listenAtPort(server: Server, port: number, host: string | undefined): Promise<void> {
  return listening(server, () => server.listen({ port, host }));
}

/** Listens on a socket with mode 0600, and replaces a stale socket. */
async function listenAtPath(server: Server, path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isSocket()) {
    throw new Error("the path exists and is not a socket: remove it, or use another path");
  }
  if (found) {
    if (await isAnswered(path)) throw new Error(inUse);
    rmSync(path, { force: true });
  }
  await listening(server, () => {
    // `listen` creates the socket before its mode can be set, so the umask must already restrict it.
    const before = process.umask(0o077);
    server.listen({ path });
    process.umask(before);
  });
  chmodSync(path, 0o600);
}

/** Whether a process listens on the socket. A socket that this user may not open counts as in use. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    listen();
  });
}

const inUse = "another process listens on it";

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: inUse,
  EADDRNOTAVAIL: "this host does not have this address",
  EACCES: "permission denied for the agent's user",
  ENOENT: "its directory does not exist",
  ENOTDIR: "its directory does not exist",
};

function toReason(error: unknown): string {
  const { code } = Object(error) as { code?: string };
  return reasons[code ?? ""] ?? toMessage(error);
}
