import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The control groups of version 2 as this process sees them (`cgroups(7)`). */
export interface Hierarchy {
  /** The path of this process's own group as the kernel shows it: `/` at the root, or at the root of a namespace. */
  readonly ownPath: string;
  /** Returns the directory of a group. */
  toDirectory(path: string): string;
  /** Returns the path of the group in a directory. */
  toPath(directory: string): string;
}

/** Finds the hierarchy. `undefined` without one of version 2, and for a process outside of its namespace. `proc`: replaced by tests. */
export function findHierarchy(proc = "/proc"): Hierarchy | undefined {
  const ownPath = toGroupPath(readText(join(proc, "self/cgroup")));
  // A group outside of the namespace of this process has no directory here.
  if (ownPath === undefined || ownPath.startsWith("/..")) return undefined;
  const mount = listMounts(readText(join(proc, "self/mountinfo")) ?? "").find(({ root }) =>
    isWithinGroup(root, ownPath),
  );
  if (mount === undefined) return undefined;
  const { root, mountPoint } = mount;
  const below = root === "/" ? "" : root;
  return {
    ownPath,
    toDirectory: (path) => join(mountPoint, path.slice(below.length)).replace(/(?<=.)\/$/, ""),
    toPath: (directory) => join("/", below, directory.slice(mountPoint.length)),
  };
}

/** Reads the path of a process's group, as the kernel shows it to this process. */
export function readGroupPath(pid: number): string | undefined {
  return toGroupPath(readText(`/proc/${pid}/cgroup`));
}

/** Whether a group is this one or below it. */
export function isWithinGroup(group: string, path: string): boolean {
  return path === group || group === "/" || path.startsWith(`${group}/`);
}

/** Reads a file of the kernel. `undefined` when it is not there or cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function toGroupPath(table = ""): string | undefined {
  return /^0::(\/.*)$/m.exec(table)?.[1];
}

/** Lists the mounts of version 2. A hybrid host has it beside those of version 1. */
function listMounts(mountinfo: string): { readonly root: string; readonly mountPoint: string }[] {
  return mountinfo.split("\n").flatMap((line) => {
    const words = line.split(" ");
    if (words[words.indexOf("-") + 1] !== "cgroup2") return [];
    return [{ root: unescape(words[3] ?? ""), mountPoint: unescape(words[4] ?? "") }];
  });
}

/** The kernel writes blanks and backslashes of paths in octal. */
function unescape(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, code: string) =>
    String.fromCodePoint(Number.parseInt(code, 8)),
  );
}
