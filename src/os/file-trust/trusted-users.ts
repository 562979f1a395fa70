import { readFileSync } from "node:fs";

/** The users and groups that may write a file. */
export interface TrustedUsers {
  readonly uids: ReadonlySet<number>;
  readonly gids: ReadonlySet<number>;
}

/** Root only. */
export const onlyRoot: TrustedUsers = { uids: new Set([0]), gids: new Set([0]) };

/** Root and the user of this process, with the user's primary group if no other user is in it. */
export function findTrustedUsers(): TrustedUsers {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  const isOwn = isPrivateGroup({
    uid,
    gid,
    groups: readTable("/etc/group"),
    users: readTable("/etc/passwd"),
  });
  return { uids: new Set([0, uid]), gids: new Set(isOwn ? [0, gid] : [0]) };
}

export interface GroupMembership {
  readonly uid: number;
  readonly gid: number;
  /** The content of `/etc/group`. */
  readonly groups: string;
  /** The content of `/etc/passwd`. */
  readonly users: string;
}

/** Whether a group of this host has no member but one user. A group that the host's files do not contain may have others. */
export function isPrivateGroup({ uid, gid, groups, users }: GroupMembership): boolean {
  const accounts = toRows(users);
  const names = new Set(accounts.filter((row) => Number(row[2]) === uid).map(([name]) => name));
  const found = toRows(groups).filter((row) => Number(row[2]) === gid);
  const members = found.flatMap(([, , , list = ""]) => list.split(",").filter((name) => name !== ""));
  const others = accounts.filter((row) => Number(row[3]) === gid && Number(row[2]) !== uid);
  return found.length > 0 && others.length === 0 && members.every((name) => names.has(name));
}

function toRows(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

function readTable(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
