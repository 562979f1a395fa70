import { randomBytes } from "node:crypto";
import { closeSync, constants, lstatSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentError } from "../core/errors.ts";
import { makePrivateDirectory } from "./state/document.ts";

/** Maximum length of a Unix socket's path, in bytes. */
export const longestSocketPath = 107;

/**
 * Returns the path for a new socket, in the first directory that is private to this user and has a path short
 * enough. Throws `FILE_FAILED`.
 */
export function toSocketPath(directories: readonly string[]): string {
  const name = `${randomBytes(6).toString("hex")}.sock`;
  for (const directory of directories) {
    const path = join(directory, name);
    if (Buffer.byteLength(path) > longestSocketPath) continue;
    makePrivateDirectory(directory);
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
  const others = [...(runtime ? [join(runtime, "signalman")] : []), join(tmpdir(), own), join("/tmp", own)];
  return [...new Set([best, ...others])];
}

/**
 * Returns a short path of a socket in a directory with any path: through an open descriptor of the directory.
 * Valid until disposal.
 */
export function openSocketPath(directory: string, name: string): Disposable & { readonly value: string } {
  const plain = join(directory, name);
  if (Buffer.byteLength(plain) <= longestSocketPath) return { value: plain, [Symbol.dispose]: () => {} };
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return { value: `/proc/self/fd/${fd}/${name}`, [Symbol.dispose]: () => closeSync(fd) };
}

/** In a directory such as /tmp, another user may have created this one. */
function isOurs(directory: string): boolean {
  const { uid, mode } = lstatSync(directory);
  return uid === process.getuid?.() && (mode & 0o077) === 0;
}
