import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readKernelText } from "../processes/kernel-file.ts";

/**
 * Lists the processes of a group and of all groups below it. One of another pid namespace is shown as 0, and
 * left out.
 */
export function listGroupPids(directory: string): number[] {
  return listGroups(directory).flatMap((group) =>
    (readKernelText(join(group, "cgroup.procs")) ?? "")
      .split("\n")
      .map(Number)
      .filter((pid) => pid > 0),
  );
}

/** Removes a group and all groups below it, as far as they are empty. Returns `true` when nothing is left. */
export function removeGroups(directory: string): boolean {
  for (const group of listGroups(directory).toReversed()) tryTo(() => rmdirSync(group));
  return !existsSync(directory);
}

/** Creates a group. `false` when the kernel refuses it. */
export function makeGroup(directory: string): boolean {
  return tryTo(() => (mkdirSync(directory), true)) ?? false;
}

/** Writes to a file of a group. `false` when the group is gone, or the kernel refuses it. */
export function writeGroupFile(path: string, text: string): boolean {
  // Without "r+" a directory that is not a group would get a file.
  return tryTo(() => (writeFileSync(path, text, { flag: "r+" }), true)) ?? false;
}

/** Lists a group and all groups below it, the outermost first. */
function listGroups(directory: string): string[] {
  const groups = [directory];
  // The list grows during the iteration.
  for (const group of groups) {
    const entries = tryTo(() => readdirSync(group, { withFileTypes: true })) ?? [];
    groups.push(...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(group, name)));
  }
  return groups;
}

function tryTo<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
