import { join } from "node:path";
import { readKernelText } from "../processes/kernel-file.ts";

/**
 * Resource usage of all processes of a control group, including ended ones. A figure whose controller is not
 * enabled is omitted.
 */
export interface GroupFigures {
  readonly cpuUserMs?: number;
  readonly cpuSystemMs?: number;
  /** Peak of the memory of all processes together, with the files that the kernel caches for them. */
  readonly peakMemoryBytes?: number;
  /** Memory at this moment, without cached files that the kernel can drop at once. */
  readonly memoryBytes?: number;
  readonly oomKills?: number;
}

/**
 * Reads the figures of a group. Times are there in every group; peak and kills need the controller `memory`,
 * the peak Linux 5.19.
 */
export function readFigures(directory: string): GroupFigures {
  const times = toNumbers(readKernelText(join(directory, "cpu.stat")));
  const kills = toNumbers(readKernelText(join(directory, "memory.events"))).get("oom_kill");
  const [user, system] = [times.get("user_usec"), times.get("system_usec")];
  const peak = readKernelText(join(directory, "memory.peak"));
  const memory = readMemory(directory);
  return {
    ...(user !== undefined && { cpuUserMs: Math.round(user / 1000) }),
    ...(system !== undefined && { cpuSystemMs: Math.round(system / 1000) }),
    ...(peak !== undefined && { peakMemoryBytes: Number(peak) }),
    ...(memory !== undefined && { memoryBytes: memory }),
    ...(kills !== undefined && { oomKills: kills }),
  };
}

function readMemory(directory: string): number | undefined {
  const current = readKernelText(join(directory, "memory.current"));
  if (current === undefined) return undefined;
  const cached = /^inactive_file (\d+)$/m.exec(readKernelText(join(directory, "memory.stat")) ?? "")?.[1];
  return Math.max(0, Number(current) - Number(cached ?? 0));
}

/** Reads lines of a name and a number. */
function toNumbers(text = ""): ReadonlyMap<string, number> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [name = "", number = ""] = line.split(" ");
      return number === "" ? [] : [[name, Number(number)] as const];
    }),
  );
}
