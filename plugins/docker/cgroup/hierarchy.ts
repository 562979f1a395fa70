import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobLimits } from "signalman";

/** Where the kernel shows its cgroups. */
export const cgroupRoot = "/sys/fs/cgroup";

/** `1`: a tree for each controller, below the root. `2`: one tree for all. */
export type CgroupVersion = "1" | "2";

/** Gives the reason why cgroups for the whole host cannot be created here; `undefined` when they can. */
export function findObstacle(version: CgroupVersion, root = cgroupRoot): string | undefined {
  const top = version === "1" ? join(root, "memory") : root;
  if (!existsSync(top)) return `"${top}" not found`;
  // In a container the kernel shows the container's own cgroup as the top.
  return statSync(top).ino === topInode ? undefined : `"${top}" is not the top of this host's cgroups`;
}

/** Creates a cgroup with limits that hold for all cgroups below it together. Throws when the kernel refuses. */
export function createCgroup(
  version: CgroupVersion,
  path: string,
  limits: JobLimits,
  root = cgroupRoot,
): void {
  if (version === "1") createFirst(root, path, limits);
  else createSecond(root, path, limits);
}

/** Directories of a cgroup that exist, in trees of both versions. */
export function findDirectories(path: string, root = cgroupRoot): string[] {
  const trees = existsSync(root) ? readdirSync(root).map((name) => join(root, name)) : [];
  return [root, ...trees].map((tree) => join(tree, path)).filter((directory) => existsSync(directory));
}

/** The kernel numbers the directories of a tree, and begins with the top. */
const topInode = 1;
const periodUs = 100_000;

function createFirst(root: string, path: string, { memoryBytes, cpus, pids }: JobLimits): void {
  const set = (controller: string, file: string, value: number) =>
    writeFileSync(join(root, controller, path, file), `${value}`);
  const make = (controller: string) => mkdirSync(join(root, controller, path), { recursive: true });
  if (memoryBytes !== undefined) {
    make("memory");
    set("memory", "memory.limit_in_bytes", memoryBytes);
    // A kernel that does not count swap lacks this file.
    if (existsSync(join(root, "memory", path, "memory.memsw.limit_in_bytes")))
      set("memory", "memory.memsw.limit_in_bytes", memoryBytes);
  }
  if (cpus !== undefined) {
    make("cpu");
    set("cpu", "cpu.cfs_period_us", periodUs);
    set("cpu", "cpu.cfs_quota_us", Math.ceil(cpus * periodUs));
  }
  if (pids !== undefined) {
    make("pids");
    set("pids", "pids.max", pids);
  }
}

function createSecond(root: string, path: string, { memoryBytes, cpus, pids }: JobLimits): void {
  const directory = join(root, path);
  mkdirSync(directory, { recursive: true });
  const limits = { memory: memoryBytes, cpu: cpus, pids };
  const controllers = Object.entries(limits).flatMap(([name, value]) =>
    value === undefined ? [] : [`+${name}`],
  );
  for (const parent of toParents(path))
    writeFileSync(join(root, parent, "cgroup.subtree_control"), controllers.join(" "));
  const set = (file: string, value: string) => writeFileSync(join(directory, file), value);
  if (memoryBytes !== undefined) {
    set("memory.max", `${memoryBytes}`);
    if (existsSync(join(directory, "memory.swap.max"))) set("memory.swap.max", "0");
  }
  if (cpus !== undefined) set("cpu.max", `${Math.ceil(cpus * periodUs)} ${periodUs}`);
  if (pids !== undefined) set("pids.max", `${pids}`);
}

/** Of `a/b`: the top and `a`. */
function toParents(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return ["", ...names.map((_, index) => names.slice(0, index + 1).join("/"))];
}
