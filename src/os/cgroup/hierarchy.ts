import { join } from "node:path";
import { parseMountinfo } from "../file-trust/mountinfo.ts";
import { readKernelText } from "../processes/kernel-file.ts";

/** The control groups of version 2 as this process sees them (`cgroups(7)`). */
export interface Hierarchy {
  /** The path of this process's own group as the kernel shows it: `/` at the root, or at the root of a namespace. */
  readonly ownPath: string;
  /** Returns the directory of a group. */
  toDirectory(path: string): string;
  /** Returns the path of the group in a directory. */
  toPath(directory: string): string;
}

/**
 * Finds the hierarchy. `undefined` without one of version 2, and for a process outside of its namespace.
 * `proc`: replaced by tests.
 */
export function findHierarchy(proc = "/proc"): Hierarchy | undefined {
  const ownPath = toGroupPath(readKernelText(join(proc, "self/cgroup")));
  // A group outside of the namespace of this process has no directory here.
  if (ownPath === undefined || ownPath.startsWith("/..")) return undefined;
  // A hybrid host has version 2 beside version 1.
  const mount = parseMountinfo(readKernelText(join(proc, "self/mountinfo")) ?? "").find(
    ({ type, root }) => type === "cgroup2" && isWithinGroup(root, ownPath),
  );
  if (mount === undefined) return undefined;
  const { root, point } = mount;
  const below = root === "/" ? "" : root;
  return {
    ownPath,
    toDirectory: (path) => join(point, path.slice(below.length)).replace(/(?<=.)\/$/, ""),
    toPath: (directory) => join("/", below, directory.slice(point.length)),
  };
}

/** Reads the path of a process's group, as the kernel shows it to this process. */
export function readGroupPath(pid: number): string | undefined {
  return toGroupPath(readKernelText(`/proc/${pid}/cgroup`));
}

/** Whether a group is this one or below it. */
export function isWithinGroup(group: string, path: string): boolean {
  return path === group || group === "/" || path.startsWith(`${group}/`);
}

function toGroupPath(table = ""): string | undefined {
  return /^0::(\/.*)$/m.exec(table)?.[1];
}
