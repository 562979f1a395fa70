import { lookup } from "node:dns/promises";
import { chmodSync, lstatSync, rmSync } from "node:fs";
import { connect, type Server } from "node:net";
import { toMessage } from "../../core/errors.ts";
import type { HttpAddress } from "./address.ts";

/** Starts listening. Rejects with the reason. */
export async function listen(server: Server, address: HttpAddress): Promise<void> {
  try {
    if (address.kind === "unix") await listenAtPath(server, address.path);
    else await listenAtPort(server, address);
  } catch (cause) {
    const { code } = Object(cause) as { code?: string };
    throw new Error(reasons[code ?? ""] ?? toMessage(cause), { cause });
  }
}

/** Resolves the host first: Bun reports an unknown name only as a failure to listen. */
async function listenAtPort(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const resolved = host === "" ? undefined : (await lookup(host)).address;
  await listening(server, () => server.listen({ port, host: resolved }));
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

function listening(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    start();
  });
}

const inUse = "another process listens on it";

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: inUse,
  EADDRNOTAVAIL: "this host does not have this address",
  EACCES: "permission denied for the agent's user",
  ENOENT: "its directory does not exist",
  ENOTDIR: "its directory does not exist",
  ENOTFOUND: "the name cannot be resolved",
};
