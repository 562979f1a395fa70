import { toMessage, type Finding, toSize } from "signalman";
import { toMode } from "signalman/host";
import { access, constants, stat, statfs } from "node:fs/promises";
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

/** Reports the free space of the file system that contains `path`. `subject`: what the directory is, for messages. */
export async function findFreeSpace(path: string, subject: string): Promise<Finding[]> {
  const { bsize, bavail, files, ffree } = await statfs(path);
  const free = bsize * bavail;
  // Some file systems create inodes on demand and report none.
  const inodes = files === 0 ? Number.POSITIVE_INFINITY : ffree;
  const where = `${subject} "${path}"`;
  const remedy = `free space there: \`df -h ${path}\` and \`df -i ${path}\` show the usage`;
  if (free < errorBytes) {
    return [{ level: "error", title: `the disk of the ${where} is full: ${toSize(free)} left`, remedy }];
  }
  if (inodes < warningInodes) {
    const level = inodes === 0 ? "error" : "warning";
    return [{ level, title: `the file system of the ${where} has ${inodes} inodes left`, remedy }];
  }
  if (free < warningBytes) {
    return [{ level: "warning", title: `the disk of the ${where} has ${toSize(free)} left`, remedy }];
  }
  const count = Number.isFinite(inodes) ? `, ${inodes} inodes` : "";
  return [{ level: "ok", title: `free space in the ${where}: ${toSize(free)}${count}` }];
}

const warningBytes = 2 ** 30;
const errorBytes = 64 * 2 ** 20;
const warningInodes = 10_000;
