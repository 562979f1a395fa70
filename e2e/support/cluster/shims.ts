import { readdirSync, readFileSync } from "node:fs";
import type { NodeLayout } from "./layout.ts";

/** Pids of containerd's shims, which outlive it. They carry its socket in their command line. */
export function shimsOf({ containerdSocket }: NodeLayout): number[] {
  return pidsWith("cmdline", (text) => {
    const words = text.split("\0");
    return words[0]!.includes("containerd-shim") && words.includes(containerdSocket);
  });
}

export function killShims(node: NodeLayout): void {
  killAll(shimsOf(node));
}

/** Kills the shims of a node, and everything below its control group. */
export async function killEverything(node: NodeLayout): Promise<void> {
  const left = () => [
    ...shimsOf(node),
    ...pidsWith("cgroup", (text) => text.includes(`:${node.cgroupRoot}/`)),
  ];
  const deadline = performance.now() + 30_000;
  for (let pids = left(); pids.length > 0; pids = left()) {
    if (performance.now() > deadline)
      throw new Error(`processes ${pids.join(", ")} of node "${node.name}" have not ended within 30 s`);
    killAll(pids);
    await Bun.sleep(20);
  }
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has exited meanwhile.
    }
  }
}

function pidsWith(file: "cmdline" | "cgroup", isWanted: (text: string) => boolean): number[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) && isWanted(readFileSync(`/proc/${pid}/${file}`, "latin1"))
        ? [Number(pid)]
        : [];
    } catch {
      return [];
    }
  });
}
