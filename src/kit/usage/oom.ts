import { dirname, join } from "node:path";
import type { JobGroup } from "../../os/cgroup/job-group.ts";
import { type KernelFile, openKernelFile, readKernelText } from "../../os/processes/kernel-file.ts";

/** Counts the processes that the kernel's out-of-memory killer has ended. After disposal it returns its last count. */
export interface OomCounter extends Disposable {
  /** Kills in the memory cgroup of this process, or on the whole machine, since it was created. */
  count(): number;
  /** The processes that the counter covers; `undefined` for the whole machine. */
  members(): number[] | undefined;
}

/**
 * Counts the kills in a job's control group, which covers nothing else. `undefined` when they are not counted
 * there.
 */
export function openGroupCounter({ directory }: JobGroup): OomCounter | undefined {
  const counts = openCounts(join(directory, "memory.events"));
  return counts && { ...counts, members: () => [] };
}

/** Finds the narrowest counter that covers this process; `undefined` when there is none. */
export function findOomCounter(places: { proc?: string; cgroups?: string } = {}): OomCounter | undefined {
  const { proc = "/proc", cgroups = "/sys/fs/cgroup" } = places;
  for (const path of [...candidates(join(proc, "self/cgroup"), cgroups), join(proc, "vmstat")]) {
    const counts = openCounts(path);
    if (counts === undefined) continue;
    const members = () =>
      readKernelText(join(dirname(path), "cgroup.procs"))
        ?.split("\n")
        .filter((line) => line !== "")
        .map(Number);
    return { ...counts, members };
  }
  return undefined;
}

function openCounts(path: string): Pick<OomCounter, "count" | typeof Symbol.dispose> | undefined {
  const file = openKernelFile(path);
  let last = file && readKills(file);
  if (file === undefined || last === undefined) {
    file?.[Symbol.dispose]();
    return undefined;
  }
  return { count: () => (last = readKills(file) ?? last!), [Symbol.dispose]: () => file[Symbol.dispose]() };
}

function readKills(file: KernelFile): number | undefined {
  const [, count] = /^oom_kill (\d+)$/m.exec(file.read() ?? "") ?? [];
  return count === undefined ? undefined : Number(count);
}

/**
 * Lists the files in which our cgroup may be visible: at its path, or at the root of the tree in a container.
 */
function candidates(table: string, cgroups: string): string[] {
  return (readKernelText(table) ?? "").split("\n").flatMap((line) => {
    const [, id, controllers = "", path = ""] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (id === "0") return [path, ""].map((at) => join(cgroups, at, "memory.events"));
    if (!controllers.split(",").includes("memory")) return [];
    return [path, ""].map((at) => join(cgroups, "memory", at, "memory.oom_control"));
  });
}
