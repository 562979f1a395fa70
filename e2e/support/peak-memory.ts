import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Running } from "./fixtures.ts";

/**
 * Resolves to the largest resident size that the program or one of its children had until it exited, in
 * bytes.
 */
export async function watchMemory({ pid, finished }: Running): Promise<number> {
  let peak = 0;
  const over = finished.then(() => true);
  while (!(await Promise.race([over, sleep(20, false)])))
    peak = Math.max(peak, ...familyOf(pid).map(readPeak));
  return peak;
}

function familyOf(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`).trim().split(" ").filter(Boolean).map(Number);
  return [pid, ...children.flatMap(familyOf)];
}

/** Reads the largest resident size that a process has had, in bytes; 0 for one that has exited. */
export function readPeak(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
