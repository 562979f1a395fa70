import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Counts the processes that the kernel has killed for want of memory. */
export interface OomCounter {
  /** `cgroup`: in the memory cgroup that we are in, and with us all that we start. `machine`: anywhere, so that a rise proves nothing alone. */
  readonly scope: "cgroup" | "machine";
  /** Since the cgroup was made, or the machine started. */
  count(): number;
}

/** The narrowest counter that the system has for us; `undefined` where it has none. */
export function findOomCounter(places: { proc?: string; cgroups?: string } = {}): OomCounter | undefined {
  const { proc = "/proc", cgroups = "/sys/fs/cgroup" } = places;
  const files = [
    ...candidates(join(proc, "self/cgroup"), cgroups).map((path) => ({ scope: "cgroup", path }) as const),
    { scope: "machine", path: join(proc, "vmstat") } as const,
  ];
  const found = files.find(({ path }) => read(path) !== undefined);
  if (found === undefined) return undefined;
  let last = 0;
  return { scope: found.scope, count: () => (last = read(found.path) ?? last) };
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
