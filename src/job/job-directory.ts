import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JobUser } from "../core/contracts/executor.ts";
import type { Logger } from "../core/contracts/logger.ts";
import { AgentError, toMessage } from "../core/errors.ts";
import { asUser } from "../os/users/as-user.ts";

/**
 * Creates a job's private directory, in `/tmp` where the job's user cannot reach the agent's own temporary directory. It is closed to all
 * other users; the job's user can pass through it when {@link admitUser} was called. Throws `FILE_FAILED`.
 */
export function makeJobDirectory(user: JobUser | undefined): string {
  const isFit = (place: string) =>
    user === undefined || (place.length <= longestPlace && canPass(user, place));
  return make([tmpdir(), "/tmp"].find(isFit) ?? tmpdir());
}

/** Lets the job's user pass through the directory to files that it may open, and connect to the job. It can list and change nothing there. */
export function admitUser({ uid, gid }: JobUser, directory: string, jobSocket: string | undefined): void {
  chmodSync(directory, 0o711);
  if (jobSocket !== undefined) chownSync(jobSocket, uid, gid);
}

export function removeJobDirectory(path: string, logger: Logger): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    logger.warn(`the job's directory "${path}" cannot be removed: ${toMessage(error)}`);
  }
}

/** The path of a job's socket, which must be in its directory for another user, has 107 bytes at most. */
const longestPlace = 60;

function canPass(user: JobUser, place: string): boolean {
  try {
    return asUser(user, () => statSync(join(place, ".")).isDirectory());
  } catch {
    return false;
  }
}

function make(place: string): string {
  try {
    // Synchronous: no thread can be started when a job has used up all processes.
    return mkdtempSync(join(place, "signalman-"));
  } catch (cause) {
    throw new AgentError(
      "FILE_FAILED",
      `the job's directory cannot be created in "${place}": ${toMessage(cause)}`,
      { cause },
    );
  }
}
