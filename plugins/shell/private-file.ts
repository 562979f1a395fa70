import { chownSync, rmSync, writeFileSync } from "node:fs";
import { AgentError, toMessage } from "signalman";
import type { JobUser } from "signalman/terminal";

/**
 * Writes a file with mode 0600, which belongs to `user` if there is one. Replaces a file that exists, unless it must be new. Throws
 * `FILE_FAILED` with the path.
 */
export function writePrivateFile(
  path: string,
  text: string | Uint8Array,
  options: { isNew?: boolean; user?: JobUser | undefined } = {},
): void {
  try {
    // The job may have put a FIFO there, or hold a lease on the file before: a writer would wait for it.
    if (!options.isNew) rmSync(path, { force: true });
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
    if (options.user) chownSync(path, options.user.uid, options.user.gid);
  } catch (cause) {
    throw new AgentError("FILE_FAILED", `cannot write "${path}": ${toMessage(cause)}`, { cause });
  }
}
