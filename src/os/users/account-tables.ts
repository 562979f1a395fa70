import { readFileSync } from "node:fs";

/** The contents of `/etc/passwd` and `/etc/group`. */
export interface AccountTables {
  readonly passwd: string;
  readonly group: string;
}

/** Reads the tables of this host. One that cannot be read is empty. */
export function readAccountTables(): AccountTables {
  return { passwd: readTable("passwd"), group: readTable("group") };
}

export function readTable(name: keyof AccountTables): string {
  try {
    return readFileSync(`/etc/${name}`, "utf8");
  } catch {
    return "";
  }
}

/** Splits a table into its rows, and those into their fields (passwd(5), group(5)). */
export function toRows(table: string): string[][] {
  return table
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}
