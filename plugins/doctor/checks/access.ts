import { toMessage } from "signalman";
import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Why this user cannot write into a directory, or make it where it is not there yet. `undefined`: nothing stands against it. */
export async function findWriteFault(directory: string): Promise<string | undefined> {
  const existing = await findExisting(directory);
  if (!(await stat(existing)).isDirectory()) return `"${existing}" is no directory`;
  try {
    await access(existing, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EROFS") return `"${existing}" is mounted read-only`;
    if (code !== "EACCES") return toMessage(error);
    const { uid, mode } = await stat(existing);
    return `"${existing}" (owner ${uid}, mode ${toMode(mode)}) is closed to user ${process.getuid?.()}`;
  }
}

export function toMode(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/** A path, or the nearest of its parents that is there. */
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
