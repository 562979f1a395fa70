import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Counts the processes that the kernel's out-of-memory killer has ended. */
export interface OomCounter {
  /** Kills in the memory cgroup of this process, or on the whole machine, since it was created. */
  count(): number;
  /** The processes that the counter covers; `undefined` for the whole machine. */
  members(): number[] | undefined;
}

/** Finds the narrowest counter that covers this process; `undefined` when there is none. */
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

/**
 * Lists the files in which our cgroup may be visible: at its path, or at the root of the tree in a container.
 */
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
