import { chmodSync, lstatSync, rmSync } from "node:fs";
import { lookup } from "node:dns/promises";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { AgentError, toMessage } from "signalman";
import { type Address, toAddressText } from "./address.ts";

export interface HttpServer {
  /** Where it listens, with the port that was chosen. */
  readonly address: string;
  /** Nobody is waited for. */
  close(): Promise<void>;
}

/** One request a connection, and each has so long for all of it: silent, slow and deaf clients go. */
const lifeMs = 10_000;
const connections = 64;

/** Listens, for a few clients at a time. Throws `FILE_FAILED` with address and option when it cannot. */
export async function openServer(
  address: Address,
  option: string,
  listener: RequestListener,
): Promise<HttpServer> {
  const http = createHttpServer(listener);
  const sockets = new Set<Socket>();
  // Bun's own HTTP server neither counts nor ends connections that have not spoken yet.
  const server = createServer((socket) => {
    sockets.add(socket);
    const timer = setTimeout(() => socket.destroy(), lifeMs);
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      sockets.delete(socket);
    });
    http.emit("connection", socket);
  });
  server.maxConnections = connections;
  try {
    if (address.kind === "unix") await listenAtPath(server, address.path);
    else await listenAtPort(server, address.port, await resolve(address.host));
  } catch (error) {
    const where = toAddressText(address);
    throw new AgentError("FILE_FAILED", `cannot listen at ${where} (${option}): ${toReason(error)}`, {
      cause: error,
    });
  }
  const bound = server.address();
  return {
    address: toAddressText(address, typeof bound === "object" ? bound?.port : undefined),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Bun says of a name that it cannot resolve no more than that it failed to listen. */
async function resolve(host: string | undefined): Promise<string | undefined> {
  if (host === undefined) return undefined;
  const { address } = await lookup(host).catch((cause: unknown) => {
    throw new Error("this name cannot be resolved", { cause });
  });
  return address;
}

function listenAtPort(server: Server, port: number, host: string | undefined): Promise<void> {
  return listening(server, () => server.listen({ port, host }));
}

/** A socket of which only this user has use, in the place of one that nobody listens at any more. */
async function listenAtPath(server: Server, path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isSocket()) {
    throw new Error("something else has this name, and it is no socket: remove it, or name another path");
  }
  if (found) {
    if (await isAnswered(path)) throw new Error(inUse);
    rmSync(path, { force: true });
  }
  await listening(server, () => {
    // The socket is made before `listen` returns, and nobody else may see it before its mode is right.
    const before = process.umask(0o077);
    server.listen({ path });
    process.umask(before);
  });
  chmodSync(path, 0o600);
}

/** Whether somebody listens there. A socket that this user may not try belongs to somebody. */
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

const inUse = "another process listens there";

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: inUse,
  EADDRNOTAVAIL: "this host has no such address",
  EACCES: "the agent's user may not",
  ENOENT: "its directory does not exist",
  ENOTDIR: "its directory does not exist",
};

function toReason(error: unknown): string {
  const { code } = Object(error) as { code?: string };
  return reasons[code ?? ""] ?? toMessage(error);
}
