import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Counts the processes that the kernel has killed for want of memory. */
export interface OomCounter {
  /** In the memory cgroup that we are in, and with us all that we start; or on the whole machine. Since that began. */
  count(): number;
  /** Whom it counts; `undefined` where that is everybody. */
  members(): number[] | undefined;
}

/** The narrowest counter that the system has for us; `undefined` where it has none. */
export function findOomCounter(places: { proc?: string; cgroups?: string } = {}): OomCounter | undefined {
  const { proc = "/proc", cgroups = "/sys/fs/cgroup" } = places;
  const files = [...candidates(join(proc, "self/cgroup"), cgroups), join(proc, "vmstat")];
  const found = files.find((path) => read(path) !== undefined);
  if (found === undefined) return undefined;
  let last = 0;
  return {
    count: () => (last = read(found) ?? last),
    members: () =>
      text(join(dirname(found), "cgroup.procs"))
        ?.split("\n")
        .filter((line) => line !== "")
        .map(Number),
  };
}

/** Where our cgroup may be seen: by its path, or, in a container that has only a part of the tree, at the top. */
function candidates(table: string, cgroups: string): string[] {
  return (text(table) ?? "").split("\n").flatMap((line) => {
    const [, id, controllers = "", path = ""] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (id === "0") return [path, ""].map((at) => join(cgroups, at, "memory.events"));
    if (!controllers.split(",").includes("memory")) return [];
    return [path, ""].map((at) => join(cgroups, "memory", at, "memory.oom_control"));
  });
}

function read(path: string): number | undefined {
  const [, count] = /^oom_kill (\d+)$/m.exec(text(path) ?? "") ?? [];
  return count === undefined ? undefined : Number(count);
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
