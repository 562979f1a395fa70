import { randomBytes } from "node:crypto";
import { closeSync, constants, lstatSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AgentError } from "../core/errors.ts";
import { makePrivateDirectory } from "./state/document.ts";

/** A socket's path has at most so many bytes. */
const longestPath = 107;

/**
 * A new socket's path, in the first directory that is ours alone and whose path leaves room for it. Throws `FILE_FAILED` when none does.
 */
export function toSocketPath(directories: readonly string[]): string {
  const name = `${randomBytes(6).toString("hex")}.sock`;
  for (const directory of directories) {
    const path = join(directory, name);
    if (Buffer.byteLength(path) > longestPath) continue;
    makePrivateDirectory(directory);
    if (isOurs(directory)) return path;
  }
  throw new AgentError(
    "FILE_FAILED",
    `no directory for sockets is ours alone and has a short path (${directories.join(", ")}); set XDG_RUNTIME_DIR or TMPDIR to a shorter one`,
  );
}

/** Where sockets may stand: the best first, then those that have short paths. */
export function socketDirectories(
  best: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const runtime = env["XDG_RUNTIME_DIR"];
  const own = `signalman-${process.getuid?.() ?? 0}`;
  const others = [...(runtime ? [join(runtime, "signalman")] : []), join(tmpdir(), own), join("/tmp", own)];
  return [...new Set([best, ...others])];
}

/** The path of a socket that must stand in this directory, however long that is: by way of an open descriptor it is short. Good until disposal. */
export function openSocketPath(directory: string, name: string): Disposable & { readonly value: string } {
  const plain = join(directory, name);
  if (Buffer.byteLength(plain) <= longestPath) return { value: plain, [Symbol.dispose]: () => {} };
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return { value: `/proc/self/fd/${fd}/${name}`, [Symbol.dispose]: () => closeSync(fd) };
}

/** Where everybody may make directories, somebody else may have made this one. */
function isOurs(directory: string): boolean {
  const { uid, mode } = lstatSync(directory);
  return uid === process.getuid?.() && (mode & 0o077) === 0;
}
