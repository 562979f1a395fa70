import { chmodSync, statSync } from "node:fs";
import type { JobUser } from "../../core/contracts/executor-options.ts";
import type { Logger } from "../../core/contracts/logger.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { trustUsers } from "../file-trust/trusted-users.ts";
import { toMode } from "../file-trust/path-steps.ts";
import { loadLibc } from "../processes/libc.ts";
import { asUser } from "./as-user.ts";

/** A fault of the home directory of a job's user. */
export interface HomeFault {
  /** Continues a sentence about the home: `can be entered by every user (mode 0755)`. */
  readonly reason: string;
  readonly remedy: string;
  /** Whether other users can read what jobs leave there. */
  readonly isOpen: boolean;
}

/**
 * Tells why the home of a job's user does not serve: it is missing, another user's, or open to other users,
 * as most distributions make homes.
 */
export function findHomeFault({
  name,
  uid,
  home,
}: Pick<JobUser, "name" | "uid" | "home">): HomeFault | undefined {
  const found = statSync(home, { throwIfNoEntry: false });
  const own = `mkdir -p ${home} && chown ${name}: ${home} && chmod 700 ${home}`;
  if (!found?.isDirectory()) return { reason: "is not a directory", remedy: own, isOpen: false };
  if (found.uid !== uid)
    return { reason: `belongs to another user (${found.uid})`, remedy: own, isOpen: false };
  const others = toOthers(home, found, uid);
  if (others === undefined) return undefined;
  return {
    reason: `can be entered by ${others} (mode ${toMode(found.mode)})`,
    remedy: `chmod 700 ${home}`,
    isOpen: true,
  };
}

/**
 * Throws `CONFIG_INVALID` when other users can enter the home of a job's user, and read the files of its
 * jobs.
 */
export function assertClosedHome(user: Pick<JobUser, "name" | "uid" | "home">): void {
  const fault = findHomeFault(user);
  if (!fault?.isOpen) return;
  throw new AgentError(
    "CONFIG_INVALID",
    `the home "${user.home}" of the jobs' user "${user.name}" ${fault.reason}, who can read the files of jobs in it: ${fault.remedy}`,
  );
}

/**
 * Closes a home that a job has opened to other users; otherwise no agent would start with it. The group's
 * bits may be the mask of an access control list, which opens the home to any user; without them the list has
 * no effect.
 */
export function closeHome(user: JobUser, logger: Logger): void {
  try {
    const found = statSync(user.home, { throwIfNoEntry: false });
    if (!found?.isDirectory() || found.uid !== user.uid || (found.mode & 0o077) === 0) return;
    asUser(user, () => chmodSync(user.home, 0o700));
  } catch (error) {
    logger.warn(`the home "${user.home}" of the jobs' user "${user.name}" stays open: ${toMessage(error)}`);
  }
}

function toOthers(
  home: string,
  { mode, gid }: { readonly mode: number; readonly gid: number },
  uid: number,
): string | undefined {
  if ((mode & 0o007) !== 0) return "every user";
  if ((mode & 0o070) === 0) return undefined;
  if (loadLibc()?.hasAcl(home)) return "the users of its access control list";
  return trustUsers([0, uid]).gids.has(gid) ? undefined : `the members of group ${gid}`;
}
