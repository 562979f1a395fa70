import { type AccountTables, readAccountTables, toRows } from "../users/account-tables.ts";

/** The users and groups that may write a file. */
export interface TrustedUsers {
  readonly uids: ReadonlySet<number>;
  readonly gids: ReadonlySet<number>;
}

/** Trusts these users, and the groups that have no other members. */
export function trustUsers(uids: readonly number[]): TrustedUsers {
  return { uids: new Set(uids), gids: findOwnGroups(new Set(uids), readAccountTables()) };
}

/** As {@link findPrivateGroups}, and group 0, which is root's. */
export function findOwnGroups(uids: ReadonlySet<number>, tables: AccountTables): Set<number> {
  return findPrivateGroups(uids, tables).add(0);
}

/**
 * Finds the groups of this host whose only members are these users. A group that the tables do not contain
 * may have others, as one of a directory service.
 */
export function findPrivateGroups(uids: ReadonlySet<number>, { passwd, group }: AccountTables): Set<number> {
  const accounts = toRows(passwd);
  const others = accounts.filter((row) => !uids.has(Number(row[2])));
  const names = new Set(accounts.filter((row) => uids.has(Number(row[2]))).map(([name]) => name));
  const shared = new Set(others.map((row) => Number(row[3])));
  const rows = toRows(group).map(([, , gid, list = ""]) => ({ gid: Number(gid), list }));
  for (const { gid, list } of rows) {
    if (list.split(",").some((name) => name !== "" && !names.has(name))) shared.add(gid);
  }
  return new Set(rows.map(({ gid }) => gid).filter((gid) => !shared.has(gid)));
}
