import { toMessage } from "signalman";
import { toMode } from "signalman/host";
import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Returns why this user cannot write to a directory, or create it; `undefined` if nothing prevents it. */
export async function findWriteFault(directory: string): Promise<string | undefined> {
  const existing = await findExisting(directory);
  if (!(await stat(existing)).isDirectory()) return `"${existing}" is not a directory`;
  try {
    await access(existing, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EROFS") return `"${existing}" is mounted read-only`;
    if (code !== "EACCES") return toMessage(error);
    const { uid, mode } = await stat(existing);
    return `user ${process.getuid?.()} may not write to "${existing}" (owner ${uid}, mode ${toMode(mode)})`;
  }
}

/** Returns the path, or its nearest parent that exists. */
export async function findExisting(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== "ENOENT" && code !== "ENOTDIR") {
      if (code !== "EACCES" || dirname(path) === path) throw error;
    }
    return findExisting(dirname(path));
  }
}
