import { lstatSync, mkdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { AgentError, toMessage } from "../../core/errors.ts";
import { toMode } from "../file-trust/path-steps.ts";
import { findEntry, inDirectory, removeEntry } from "./file.ts";

/**
 * Creates a directory that only its owner can access. Throws `FILE_FAILED` when something else has its place,
 * or when it is reached through a symbolic link. With `isReplaced`, a link, FIFO or other file in its place is
 * removed first.
 */
export function makePrivateDirectory(path: string, { isReplaced = false } = {}): string {
  try {
    if (isReplaced && findEntry(path)?.isDirectory() === false) removeEntry(path);
    make(path);
  } catch (cause) {
    const message = `cannot create the directory "${path}": ${toMessage(cause)}`;
    throw new AgentError("FILE_FAILED", message, { cause });
  }
  return path;
}

/**
 * Creates a directory as {@link makePrivateDirectory} does, where other users may have made it before, as in
 * `/tmp`. Throws `FILE_FAILED` for one that belongs to another user or that others can access.
 */
export function makeOwnDirectory(path: string): string {
  const { uid, mode } = lstatSync(makePrivateDirectory(path));
  if (uid === process.getuid?.() && (mode & 0o077) === 0) return path;
  const message = `the directory "${path}" is not private to this user (owner ${uid}, mode ${toMode(mode)}); remove it`;
  throw new AgentError("FILE_FAILED", message);
}

function make(path: string): void {
  try {
    return inDirectory(path, () => {});
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
  }
  make(dirname(path));
  inDirectory(dirname(path), (at) => {
    try {
      mkdirSync(at(basename(path)), { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  });
  inDirectory(path, () => {});
}
