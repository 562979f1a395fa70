import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobLimits } from "signalman";
import { setLimits } from "signalman/executor";

/** Mount point of the cgroup file systems. */
export const cgroupRoot = "/sys/fs/cgroup";

/** `1`: one hierarchy for each controller. `2`: one hierarchy for all. */
export type CgroupVersion = "1" | "2";

/** Returns why the agent cannot create cgroups of this host; `undefined` when it can. */
export function findObstacle(version: CgroupVersion, root = cgroupRoot): string | undefined {
  const top = version === "1" ? join(root, "memory") : root;
  if (!existsSync(top)) return `"${top}" not found`;
  // In a container, the container's own cgroup is mounted as the root.
  return statSync(top).ino === rootInode ? undefined : `"${top}" is not the root of this host's cgroups`;
}

/** Creates a cgroup whose limits apply to all its descendants together. Throws when the kernel refuses. */
export function createCgroup(
  version: CgroupVersion,
  path: string,
  limits: JobLimits,
  root = cgroupRoot,
): void {
  if (version === "1") createVersion1(root, path, limits);
  else createVersion2(root, path, limits);
}

/** Lists the existing directories of a cgroup, in hierarchies of both versions. */
export function findDirectories(path: string, root = cgroupRoot): string[] {
  const trees = existsSync(root) ? readdirSync(root).map((name) => join(root, name)) : [];
  return [root, ...trees].map((tree) => join(tree, path)).filter((directory) => existsSync(directory));
}

/** Inode number of the root of a cgroup hierarchy. */
const rootInode = 1;
const periodUs = 100_000;

function createVersion1(root: string, path: string, { memoryBytes, cpus, pids }: JobLimits): void {
  const set = (controller: string, file: string, value: number) =>
    writeFileSync(join(root, controller, path, file), `${value}`);
  const make = (controller: string) => mkdirSync(join(root, controller, path), { recursive: true });
  if (memoryBytes !== undefined) {
    make("memory");
    set("memory", "memory.limit_in_bytes", memoryBytes);
    // The file is missing in kernels without swap accounting.
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

function createVersion2(root: string, path: string, limits: JobLimits): void {
  const directory = join(root, path);
  mkdirSync(directory, { recursive: true });
  const named = { memory: limits.memoryBytes, cpu: limits.cpus, pids: limits.pids };
  const controllers = Object.entries(named).flatMap(([name, value]) =>
    value === undefined ? [] : [`+${name}`],
  );
  for (const parent of toParents(path))
    writeFileSync(join(root, parent, "cgroup.subtree_control"), controllers.join(" "));
  setLimits(directory, limits);
}

/** Lists the ancestors of a path: of `a/b` the root and `a`. */
function toParents(path: string): string[] {
  const names = path.split("/").slice(0, -1);
  return ["", ...names.map((_, index) => names.slice(0, index + 1).join("/"))];
}
