import { createHash, randomBytes } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { type Logger, toMessage } from "signalman";
import { isSameToken } from "signalman/http";
import { type ByteSource, createByteSource, writeAll } from "./byte-source.ts";

/** What clients at the door are passed to. */
export interface DoorHandlers {
  ssh?(socket: Socket, source: ByteSource, words: readonly string[]): Promise<void>;
  /** Resolves to the socket to connect the client with. `isTunnel`: the client speaks TLS. */
  http?(isTunnel: boolean, target: string): Promise<Socket | undefined>;
}

/** A port of this process for git of one job, which knows the token. It is open while a command checks out. */
export interface Door extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly token: string;
  /** What the door answers to `hello`, so that the job knows whom it reaches there. */
  readonly proof: string;
  isOpen: boolean;
}

export async function openDoor(host: string, handlers: DoorHandlers, logger: Logger): Promise<Door> {
  const token = randomBytes(24).toString("hex");
  const sockets = new Set<Socket>();
  const proof = createHash("sha256").update(token).digest("hex");
  const door = { token, proof, isOpen: false };
  const server = createServer((socket) => {
    if (!door.isOpen || sockets.size >= mostConnections) return void socket.destroy();
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    greet(socket, door, handlers)
      .catch((error: unknown) => logger.debug(`a client of the git mirror: ${toMessage(error)}`))
      .finally(() => socket.end(() => socket.destroy()));
  });
  const listening = Promise.withResolvers<void>();
  server.once("error", (cause) =>
    listening.reject(new Error(`this agent cannot listen at ${host}: ${toMessage(cause)}`, { cause })),
  );
  server.listen(0, host, () => listening.resolve());
  await listening.promise;
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return Object.assign(door, {
    address: `${host}:${port}`,
    async [Symbol.asyncDispose]() {
      door.isOpen = false;
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  });
}

/** Reads who is there: git's ssh with the token, or its HTTP client with the token as a proxy's password. */
async function greet(
  socket: Socket,
  { token, proof }: Pick<Door, "token" | "proof">,
  handlers: DoorHandlers,
): Promise<void> {
  const source = createByteSource(socket);
  const timer = setTimeout(() => socket.destroy(), greetingMs);
  socket.once("close", () => clearTimeout(timer));
  const first = await source.readLine();
  if (first === "hello") return writeAll(socket, `${proof}\n`);
  const [, given, count] = /^ssh ([0-9a-f]{48}) (\d{1,2})$/.exec(first ?? "") ?? [];
  if (given !== undefined && handlers.ssh !== undefined) {
    const words: string[] = [];
    while (words.length < Number(count)) words.push((await source.readLine()) ?? "");
    clearTimeout(timer);
    if (isSameToken(given, token)) await handlers.ssh(socket, source, words);
    return;
  }
  const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(first ?? "") ?? [];
  if (method === undefined || target === undefined || handlers.http === undefined) return;
  const head: string[] = [];
  for (let line = await source.readLine(); line !== ""; line = await source.readLine()) {
    if (line === undefined || head.length > mostHeaders) return;
    head.push(line);
  }
  clearTimeout(timer);
  const expected = `Basic ${Buffer.from(`job:${token}`).toString("base64")}`;
  const authorization = head.find((line) => /^proxy-authorization:/i.test(line))?.replace(/^[^:]*:\s*/, "");
  if (authorization === undefined || !isSameToken(authorization, expected))
    return writeAll(
      socket,
      `HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="git"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
  const isTunnel = method === "CONNECT";
  const inner = await handlers.http(isTunnel, target);
  if (inner === undefined)
    return writeAll(socket, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  if (isTunnel) await writeAll(socket, "HTTP/1.1 200 Connection established\r\n\r\n");
  // The next requests of a connection without a tunnel reach the inner server as they are: its token is theirs.
  else await writeAll(inner, `${[first, ...head].join("\r\n")}\r\n\r\n`);
  await connect(socket, source, inner);
}

/** Passes bytes both ways until one side ends. */
async function connect(socket: Socket, source: ByteSource, inner: Socket): Promise<void> {
  inner.on("error", () => inner.destroy());
  const back = (async () => {
    for await (const piece of createByteSource(inner)) await writeAll(socket, piece);
  })().finally(() => socket.destroy());
  // It is awaited below only after the other direction has ended.
  back.catch(() => {});
  try {
    for await (const piece of source) await writeAll(inner, piece);
    inner.end();
    await back;
  } catch {
    inner.destroy();
    await back.catch(() => {});
  }
}

const mostConnections = 64;
const mostHeaders = 100;
const greetingMs = 30_000;
