import {
  chownSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { AgentError, toMessage } from "signalman";
import type { JobUser } from "signalman/executor";

/**
 * Writes a file with mode 0600, which belongs to `user` if there is one. Replaces a file that exists, unless
 * it must be new. Throws `FILE_FAILED` with the path.
 */
export function writePrivateFile(
  path: string,
  text: string | Uint8Array,
  options: { isNew?: boolean; user?: JobUser | undefined } = {},
): void {
  const { isNew, user } = options;
  try {
    if (!isNew && !user && overwrite(path, text)) return;
    if (!isNew) remove(path);
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
    if (user) chownSync(path, user.uid, user.gid);
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `cannot write "${path}": ${toMessage(cause)}`, { cause });
  }
}

/**
 * Overwrites a file, which is ten times as fast as creating one. Returns `false` for a file that a job may
 * have replaced: a FIFO or a link, a file with further links, and a file with a lease, which `O_NONBLOCK`
 * does not wait for.
 */
function overwrite(path: string, text: string | Uint8Array): boolean {
  const bytes = Buffer.from(text);
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.nlink > 1 || (stats.mode & 0o077) !== 0) return false;
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    ftruncateSync(fd, bytes.length);
    return true;
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
