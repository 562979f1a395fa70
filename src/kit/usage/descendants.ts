import { readFileSync } from "node:fs";
import { listPids, readChildren } from "../../os/processes/proc.ts";

/** A process and its CPU time, with that of the children that it has waited for. */
export interface UsedByProcess {
  readonly pid: number;
  readonly userMs: number;
  readonly systemMs: number;
}

/** Lists the descendants of a process, including zombies and without the process itself. */
export function listDescendants(root: number): UsedByProcess[] {
  const children = readChildren(root);
  if (children === undefined) return listByParents(root);
  const pids = [...children];
  // The list grows during the iteration.
  for (const pid of pids) pids.push(...(readChildren(pid) ?? []));
  return [...new Set(pids)].map((pid) => readUsed(pid));
}

/** Lists the descendants where the kernel does not list children: by reading every process of the host. */
function listByParents(root: number): UsedByProcess[] {
  const children = Map.groupBy(listPids().map(readUsed), ({ parent }) => parent);
  const found = [...(children.get(root) ?? [])];
  for (const { pid } of found) found.push(...(children.get(pid) ?? []));
  return found;
}

function readUsed(pid: number): UsedByProcess & { readonly parent: number } {
  // The name is in parentheses and may contain any character.
  const text = read(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ", 15);
  const ticks = (first: number) => (Number(fields[first] ?? 0) + Number(fields[first + 2] ?? 0)) * tickMs;
  return { pid, parent: Number(fields[1] ?? -1), userMs: ticks(11), systemMs: ticks(12) };
}

/** Reads the current and the peak memory of a process, in bytes. 0 for a dead one. */
export function readMemory(pid: number): { readonly residentBytes: number; readonly peakBytes: number } {
  const status = read(`/proc/${pid}/status`);
  const of = (name: string) =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1024;
  return { residentBytes: of("VmRSS"), peakBytes: of("VmHWM") };
}

/**
 * Reads the bytes that a process and the children it has waited for transferred from and to storage. 0
 * without permission.
 */
export function readStorage(pid: number): { readonly readBytes: number; readonly writtenBytes: number } {
  const io = read(`/proc/${pid}/io`);
  const of = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(io)?.[1] ?? 0);
  return { readBytes: of("read_bytes"), writtenBytes: of("write_bytes") };
}

/** Duration of a tick (USER_HZ), the same on every Linux. */
const tickMs = 10;

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
