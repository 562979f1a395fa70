import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cookie } from "../../core/contracts/executor.ts";
import type { JobUser } from "../../core/contracts/executor-options.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { asUser } from "../../os/users/as-user.ts";

/**
 * Creates a job's private directory, in `/tmp` where the job's user cannot reach the agent's own temporary
 * directory. It is closed to all other users; the job's user can pass through it when {@link admitUser} was
 * called. Its name contains the nonce of the cookie, by which it is found when the job's process has died.
 * Throws `FILE_FAILED`.
 */
export function makeJobDirectory(cookie: Cookie, user: JobUser | undefined): string {
  const isFit = (place: string) =>
    user === undefined || (place.length <= longestPlace && canPass(user, place));
  return make([tmpdir(), "/tmp"].find(isFit) ?? tmpdir(), cookie);
}

/** Finds the private directory of a job whose process has died. */
export function findJobDirectory(cookie: Cookie): string | undefined {
  return [tmpdir(), "/tmp"]
    .map((place) => join(place, toName(cookie)))
    .find((path) => {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      return stats?.isDirectory() && stats.uid === process.getuid?.();
    });
}

/**
 * Creates the directory of an executor (`ExecutorContext.directory`) in a job's private one. A job has one
 * for each session.
 */
export function makeExecutorDirectory(directory: string): string {
  return mkdtempSync(join(directory, executorPrefix));
}

/** Lists the directories of a job's executors. */
export function listExecutorDirectories(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(executorPrefix))
    .map((name) => join(directory, name));
}

const executorPrefix = "executor-";

/**
 * Lets the job's user pass through the directory to files that it may open, and connect to the job. It can
 * list and change nothing there.
 */
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
    // `join` would remove the dot, with which the user must be able to enter the directory itself.
    return asUser(user, () => statSync(`${place}/.`).isDirectory());
  } catch {
    return false;
  }
}

function toName({ name }: Pick<Cookie, "name">): string {
  return `signalman-${name.slice(-8)}`;
}

function make(place: string, cookie: Cookie): string {
  const directory = join(place, toName(cookie));
  try {
    // Synchronous: no thread can be started when a job has used up all processes.
    mkdirSync(directory, { mode: 0o700 });
    return directory;
  } catch (cause) {
    throw new AgentError(
      "FILE_FAILED",
      `the job's directory cannot be created in "${place}": ${toMessage(cause)}`,
      { cause },
    );
  }
}
