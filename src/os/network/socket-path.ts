import { chmodSync, closeSync, constants, openSync, type Stats } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { AgentError } from "../../core/errors.ts";
import { randomHex } from "../../core/text/random.ts";
import { inDirectory, pinEntry, type PinnedEntry, resolveLinks, toKind } from "../state/file.ts";
import { makeOwnDirectory } from "../state/private-directory.ts";

/** Maximum length of a Unix socket's path, in bytes. */
export const longestSocketPath = 107;

/**
 * Returns the path for a new socket, in the first directory that is private to this user and has a path short
 * enough. Throws `FILE_FAILED`.
 */
export function toSocketPath(directories: readonly string[]): string {
  const name = `${randomHex(6)}.sock`;
  for (const directory of directories) {
    const path = join(directory, name);
    if (Buffer.byteLength(path) > longestSocketPath) continue;
    if (isOurs(directory)) return path;
  }
  throw new AgentError(
    "FILE_FAILED",
    `none of the directories for sockets is private to this user and short enough (${directories.join(", ")}); set XDG_RUNTIME_DIR or TMPDIR to a shorter path`,
  );
}

/** Lists the directories for sockets: the preferred one, then others with short paths. */
export function socketDirectories(
  best: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const runtime = env["XDG_RUNTIME_DIR"];
  const own = `signalman-${process.getuid?.() ?? 0}`;
  const bases = [...(runtime ? [[runtime, "signalman"]] : []), [tmpdir(), own], ["/tmp", own]];
  const others = bases.map(([base = "", name = ""]) => join(resolveLinks(base), name));
  return [...new Set([best, ...others])];
}

/**
 * Returns a short path of a socket in a directory with any path: through an open descriptor of the directory.
 * Valid until disposal.
 */
export function openSocketPath(directory: string, name: string): Disposable & { readonly value: string } {
  const plain = join(directory, name);
  inDirectory(directory, () => {});
  if (Buffer.byteLength(plain) <= longestSocketPath) return { value: plain, [Symbol.dispose]: () => {} };
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return { value: `/proc/self/fd/${fd}/${name}`, [Symbol.dispose]: () => closeSync(fd) };
}

/** Lets only this user connect to a socket that this process has just created, and describes the socket. */
export function restrictSocket(path: string): Stats {
  using socket = pinEntry(path);
  assertSocket(socket.stats);
  chmodSync(socket.path, 0o600);
  return socket.stats;
}

/**
 * Pins an existing socket: its path is short, and what replaces it later is not reached. A FIFO, device, link or
 * other file is refused with `FILE_FAILED`.
 */
export function pinSocket(path: string): PinnedEntry {
  const socket = inDirectory(dirname(path), (at) => pinEntry(at(basename(path))));
  try {
    assertSocket(socket.stats);
  } catch (error) {
    socket[Symbol.dispose]();
    throw error;
  }
  return socket;
}

function assertSocket(stats: Stats): void {
  if (!stats.isSocket())
    throw new AgentError("FILE_FAILED", `another process replaced the socket by ${toKind(stats)}`);
}

/**
 * Whether a directory exists or can be created, and is private to this user: in one such as /tmp, another
 * user may have created it.
 */
function isOurs(directory: string): boolean {
  try {
    makeOwnDirectory(directory);
    return true;
  } catch {
    return false;
  }
}
