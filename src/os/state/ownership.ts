import { readFileSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { AgentError } from "../../core/errors.ts";

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
 * sticky bit). A group without other members counts as its user. What does not exist yet has no fault. `path`
 * has no symbolic links.
 */
export function findOwnershipFault(
  path: string,
  groups: GroupLists = readGroupLists(),
): OwnershipFault | undefined {
  const own = process.geteuid?.() ?? 0;
  const stats = look(path);
  if (stats !== undefined) {
    if (stats.uid !== own && stats.uid !== 0)
      return toFault(path, stats, {
        kind: "owner",
        what: `it belongs to another user than the agent's (${own})`,
        remedy: `run the agent as user ${stats.uid}, or: chown -R ${own} ${path}`,
      });
    const writers = isPodVolume(path, stats) ? undefined : toWriters(stats, groups);
    if (writers)
      return toFault(path, stats, {
        kind: "mode",
        what: `${writers} may write to it`,
        remedy: `chmod 700 ${path}`,
      });
  }
  for (let parent = dirname(path), child = path; child !== parent; child = parent, parent = dirname(parent)) {
    const found = look(parent);
    if (found === undefined || (found.mode & stickyBit) !== 0 || isPodVolume(parent, found)) continue;
    const writers = toWriters(found, groups);
    if (writers)
      return toFault(parent, found, {
        kind: "parent",
        what: `${writers} may replace "${child}" in it`,
        remedy: `chmod go-w ${parent} (or chmod +t ${parent}), or set --state-dir to a directory elsewhere`,
      });
  }
  return undefined;
}

/**
 * Whether a directory is a volume of the pod in which the agent runs. Kubernetes mounts an `emptyDir` with mode 0777, and only the pod's own
 * containers reach it.
 */
function isPodVolume(path: string, { dev }: Stats): boolean {
  const parent = look(dirname(path));
  return process.env["KUBERNETES_SERVICE_HOST"] !== undefined && parent !== undefined && parent.dev !== dev;
}

/** Throws `STATE_UNSAFE` when a state directory is not the agent's alone. */
export function assertOwnership(path: string): void {
  const fault = findOwnershipFault(path);
  if (fault === undefined) return;
  throw new AgentError(
    "STATE_UNSAFE",
    `the state directory "${path}" is not the agent's alone: ${fault.reason}; ${fault.remedy}`,
  );
}

/** The contents of `/etc/passwd` and `/etc/group`. */
export interface GroupLists {
  readonly passwd: string;
  readonly group: string;
}

const stickyBit = 0o1000;

function look(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function toFault(
  path: string,
  { uid, gid, mode }: Stats,
  { kind, what, remedy }: Pick<OwnershipFault, "kind" | "remedy"> & { readonly what: string },
): OwnershipFault {
  const octal = (mode & 0o7777).toString(8).padStart(4, "0");
  return { kind, reason: `${what} ("${path}": owner ${uid}:${gid}, mode ${octal})`, remedy };
}

/** Who besides its owner may write to a directory. */
function toWriters({ mode, uid, gid }: Stats, groups: GroupLists): string | undefined {
  if ((mode & 0o002) !== 0) return "every user";
  return (mode & 0o020) === 0 || isPrivateGroup(gid, uid, groups) ? undefined : `the members of group ${gid}`;
}

/** Whether only root, the agent's user and the owner are members of a group, as far as the local files show it. */
function isPrivateGroup(gid: number, owner: number, { passwd, group }: GroupLists): boolean {
  const allowed = new Set([0, owner, process.geteuid?.() ?? 0]);
  const users = toRows(passwd).map(([name = "", , uid, primary]) => ({
    name,
    isAllowed: allowed.has(Number(uid)),
    isMember: Number(primary) === gid,
  }));
  const members = toRows(group).find(([, , id]) => Number(id) === gid)?.[3];
  // A group of a directory service: its members are unknown.
  if (members === undefined) return false;
  const isAllowed = (name: string) => users.some((user) => user.name === name && user.isAllowed);
  const named = members.split(",").filter((name) => name !== "");
  return named.every(isAllowed) && users.every((user) => !user.isMember || user.isAllowed);
}

function toRows(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(":"));
}

function readGroupLists(): GroupLists {
  const read = (path: string) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  return { passwd: read("/etc/passwd"), group: read("/etc/group") };
}
