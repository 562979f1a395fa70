// Reads the state of processes from /proc.
import { readdirSync, readFileSync } from "node:fs";

export interface Memory {
  readonly rss: number;
  readonly pss: number;
}

/** Returns the memory of a process in bytes; 0 for a dead process or one of another user. */
export function readMemory(pid: number): Memory {
  const text = read(`/proc/${pid}/smaps_rollup`);
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
  return { rss: of("Rss"), pss: of("Pss") };
}

/** Returns the processor time of all threads of a process in milliseconds. */
export function readCpu(pid: number): number {
  return list(`/proc/${pid}/task`)
    .map((task) => Number(read(`/proc/${pid}/task/${task}/schedstat`).split(" ")[0]) / 1e6)
    .reduce((sum, one) => sum + one, 0);
}

/** Returns how often the threads of a process were scheduled. */
export function readWakeUps(pid: number): number {
  return list(`/proc/${pid}/task`)
    .map((task) => Number(read(`/proc/${pid}/task/${task}/schedstat`).split(" ")[2]))
    .reduce((sum, one) => sum + one, 0);
}

/** Finds the processes whose environment contains a text. */
export function findByEnvironment(text: string): number[] {
  return listPids().filter((pid) => read(`/proc/${pid}/environ`).includes(text));
}

export function findChildren(parent: number): number[] {
  return listPids().filter((pid) => {
    const stat = read(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]) === parent;
  });
}

export function isAlive(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat !== "" && !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
}

function listPids(): number[] {
  return list("/proc").map(Number).filter(Number.isInteger);
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
