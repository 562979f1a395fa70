import { accessSync, constants, statfsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Cookie } from "../../core/contracts/executor.ts";
import { toMessage } from "../../core/errors.ts";
import { findHierarchy } from "./hierarchy.ts";

/** The control group below which an agent creates a group for each of its jobs. */
export interface GroupPlace {
  readonly directory: string;
  /** The directory of this process's own group: `directory` itself, or its child `agent`. */
  readonly own: string;
  /** Whether systemd manages the group, so that the agent must not move processes into or out of it. */
  readonly isUnit: boolean;
}

/**
 * The name of the group in which an agent that enforces limits runs, beside the groups of its jobs: the
 * kernel enables controllers for the children of a group only while no process is in the group itself. The
 * shipped unit has `DelegateSubgroup=agent`.
 */
export const agentGroup = "agent";

/**
 * Finds the place for the groups of jobs, or the reason why this process may not create any: no hierarchy of
 * version 2, a read-only mount, a group that is not delegated to this user. `proc`: replaced by tests.
 */
export function findGroupPlace(proc?: string): GroupPlace | { readonly reason: string } {
  const hierarchy = findHierarchy(proc);
  if (hierarchy === undefined)
    return { reason: "this process sees no control groups of version 2 (cgroup2)" };
  const { ownPath, toDirectory } = hierarchy;
  const own = toDirectory(ownPath);
  const isUnit = /\.(service|scope|slice)(\/|$)/.test(ownPath);
  const parent = dirname(own);
  if (basename(ownPath) === agentGroup && findObstacle(parent) === undefined)
    return { directory: parent, own, isUnit };
  const obstacle = findObstacle(own);
  if (obstacle === undefined) return { directory: own, own, isUnit };
  return { reason: `control group "${own}" is not delegated to this user: ${obstacle}` };
}

/** Returns the prefix of the names of all groups of one agent. */
export function toGroupPrefix(agentId: string): string {
  return `signalman-${agentId.replaceAll(/[^A-Za-z0-9-]/g, "_").slice(0, 64)}.`;
}

/**
 * Returns the name of a job's group. It contains the cookie's name, so that two runs of one job have groups
 * of their own.
 */
export function toGroupName(agentId: string, cookie: Pick<Cookie, "name">): string {
  return `${toGroupPrefix(agentId)}${cookie.name}`;
}

/** Whether a directory has the name of a job's group. */
export function isGroupOf(directory: string, cookie: Pick<Cookie, "name">): boolean {
  const name = basename(directory);
  return name.startsWith("signalman-") && name.endsWith(`.${cookie.name}`);
}

/** Whether a path leads to a control group of version 2. */
export function isControlGroup(directory: string): boolean {
  try {
    return statfsSync(directory).type === CGROUP2_SUPER_MAGIC;
  } catch {
    return false;
  }
}

const CGROUP2_SUPER_MAGIC = 0x63677270;

/**
 * Returns the directory of the group that an executor may create for a job; `undefined` where this process
 * may create none.
 */
export function toGroupDirectory(agentId: string, cookie: Cookie): string | undefined {
  const place = findGroupPlace();
  return "reason" in place ? undefined : join(place.directory, toGroupName(agentId, cookie));
}

/** A process that moves another one needs to be allowed to write to the common ancestor of both groups. */
function findObstacle(directory: string): string | undefined {
  try {
    for (const path of [directory, join(directory, "cgroup.procs")]) accessSync(path, constants.W_OK);
    return undefined;
  } catch (error) {
    return toMessage(error);
  }
}
