import type { Stats } from "node:fs";
import { dirname } from "node:path";
import { AgentError } from "../../core/errors.ts";
import { findForeignStep } from "./foreign-entry.ts";
import { followPath, type PathStep, stickyBit, toMode } from "./path-steps.ts";
import { type AccountTables, readAccountTables } from "../users/account-tables.ts";
import { findPrivateGroups } from "./trusted-users.ts";

/** Why a directory is not the agent's alone. */
export interface OwnershipFault {
  readonly kind: "owner" | "mode" | "parent";
  /** The culprit with its owner and mode. */
  readonly reason: string;
  readonly remedy: string;
}

/**
 * Tells why other users can change a state directory: it belongs to another user than the agent's or root,
 * group or others may write to it, or they may replace it in one of its parents (writable and without the
 * sticky bit), or the path leads through a link or directory that another user has put into a shared
 * directory. A group without other members counts as its user. What does not exist yet has no fault.
 */
export function findOwnershipFault(path: string, options?: OwnershipOptions): OwnershipFault | undefined {
  return examine(path, options).fault;
}

/**
 * Returns the path of a state directory without symbolic links. Throws `STATE_UNSAFE` when it is not the
 * agent's alone.
 */
export function assertOwnership(given: string): string {
  const { path, fault } = examine(given);
  if (fault === undefined) return path;
  throw new AgentError(
    "STATE_UNSAFE",
    `the state directory "${path}" is not the agent's alone: ${fault.reason}; ${fault.remedy}`,
  );
}

export interface OwnershipOptions {
  /** Default: those of this host, read when a group may write to a directory. */
  readonly groups?: AccountTables;
  /** The option that sets the path. Default: `--state-dir`. */
  readonly option?: string;
}

/** One walk resolves the path and examines it: another user could replace a link in between. */
function examine(
  given: string,
  { groups, option = "--state-dir" }: OwnershipOptions = {},
): { readonly path: string; readonly fault: OwnershipFault | undefined } {
  const { path, steps } = followPath(given);
  const links = steps.flatMap(({ entry, stats }) => (stats?.isSymbolicLink() ? [entry] : []));
  const directories = toDirectories(steps);
  const fault =
    findOwnFault(path, directories, groups) ??
    findForeignFault(steps, path, option) ??
    [path, ...links]
      .map((each) => findParentFault(each, directories, groups, option))
      .find((each) => each !== undefined);
  return { path, fault };
}

/** The directories that a walk met, by path: all parents of its end and of its links. */
type Directories = ReadonlyMap<string, Stats>;

function toDirectories(steps: readonly PathStep[]): Directories {
  const found = new Map<string, Stats>();
  for (const { directory, directoryStats, entry, stats } of steps) {
    if (directoryStats !== undefined) found.set(directory, directoryStats);
    if (stats !== undefined && !stats.isSymbolicLink()) found.set(entry, stats);
  }
  return found;
}

function findForeignFault(
  steps: readonly PathStep[],
  path: string,
  option: string,
): OwnershipFault | undefined {
  const foreign = findForeignStep(steps);
  // The owner of the directory itself is examined with more care.
  if (foreign === undefined || foreign.path === path) return undefined;
  const what = foreign.isLink ? "the symbolic link" : "the directory";
  const reason = `${what} "${foreign.path}", through which its path leads, belongs to user ${foreign.uid}`;
  return { kind: "owner", reason, remedy: `remove it, or set ${option} to a directory elsewhere` };
}

function findOwnFault(
  path: string,
  directories: Directories,
  groups: AccountTables | undefined,
): OwnershipFault | undefined {
  const own = process.geteuid?.() ?? 0;
  const stats = directories.get(path);
  if (stats !== undefined) {
    if (stats.uid !== own && stats.uid !== 0)
      return toFault(path, stats, {
        kind: "owner",
        what: `it belongs to another user than the agent's (${own})`,
        remedy: `run the agent as user ${stats.uid}, or: chown -R ${own} ${path}`,
      });
    const writers = isPodVolume(path, directories) ? undefined : toWriters(stats, groups);
    if (writers)
      return toFault(path, stats, {
        kind: "mode",
        what: `${writers} may write to it`,
        remedy: `chmod 700 ${path}`,
      });
  }
  return undefined;
}

function findParentFault(
  path: string,
  directories: Directories,
  groups: AccountTables | undefined,
  option: string,
): OwnershipFault | undefined {
  for (let parent = dirname(path), child = path; child !== parent; child = parent, parent = dirname(parent)) {
    const found = directories.get(parent);
    if (found === undefined || (found.mode & stickyBit) !== 0 || isPodVolume(parent, directories)) continue;
    const writers = toWriters(found, groups);
    if (writers)
      return toFault(parent, found, {
        kind: "parent",
        what: `${writers} may replace "${child}" in it`,
        remedy: `chmod go-w ${parent} (or chmod +t ${parent}), or set ${option} to a directory elsewhere`,
      });
  }
  return undefined;
}

/**
 * Whether a directory is a volume of the pod in which the agent runs. Kubernetes mounts an `emptyDir` with
 * mode 0777, and only the pod's own containers reach it.
 */
function isPodVolume(path: string, directories: Directories): boolean {
  const parent = directories.get(dirname(path));
  return (
    process.env["KUBERNETES_SERVICE_HOST"] !== undefined &&
    parent !== undefined &&
    parent.dev !== directories.get(path)?.dev
  );
}

function toFault(
  path: string,
  { uid, gid, mode }: Stats,
  { kind, what, remedy }: Pick<OwnershipFault, "kind" | "remedy"> & { readonly what: string },
): OwnershipFault {
  return { kind, reason: `${what} ("${path}": owner ${uid}:${gid}, mode ${toMode(mode)})`, remedy };
}

/** Who besides its owner may write to a directory. */
function toWriters({ mode, uid, gid }: Stats, groups: AccountTables | undefined): string | undefined {
  if ((mode & 0o002) !== 0) return "every user";
  return (mode & 0o020) === 0 || isPrivateGroup(gid, uid, groups) ? undefined : `the members of group ${gid}`;
}

/** Whether only root, the agent's user and the owner are members of a group, as far as the local files show it. */
function isPrivateGroup(gid: number, owner: number, tables = readAccountTables()): boolean {
  return findPrivateGroups(new Set([0, owner, process.geteuid?.() ?? 0]), tables).has(gid);
}
