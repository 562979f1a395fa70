import { readFileSync } from "node:fs";

/** The users and groups that may write a file. */
export interface TrustedUsers {
  readonly uids: ReadonlySet<number>;
  readonly gids: ReadonlySet<number>;
}

/** Trusts these users, and the groups that have no other members. */
export function trustUsers(uids: readonly number[]): TrustedUsers {
  const tables = { groups: readTable("/etc/group"), users: readTable("/etc/passwd") };
  return { uids: new Set(uids), gids: findOwnGroups(new Set(uids), tables) };
}

/** The content of `/etc/group` and `/etc/passwd`. */
export interface AccountTables {
  readonly groups: string;
  readonly users: string;
}

/** Finds the groups of this host whose only members are these users. A group that the tables do not contain may have others. Group 0 is root's. */
export function findOwnGroups(uids: ReadonlySet<number>, { groups, users }: AccountTables): Set<number> {
  const accounts = toRows(users);
  const others = accounts.filter((row) => !uids.has(Number(row[2])));
  const names = new Set(accounts.filter((row) => uids.has(Number(row[2]))).map(([name]) => name));
  const shared = new Set(others.map((row) => Number(row[3])));
  const rows = toRows(groups).map(([, , gid, list = ""]) => ({ gid: Number(gid), list }));
  for (const { gid, list } of rows) {
    if (list.split(",").some((name) => name !== "" && !names.has(name))) shared.add(gid);
  }
  return new Set([0, ...rows.map(({ gid }) => gid).filter((gid) => !shared.has(gid))]);
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
