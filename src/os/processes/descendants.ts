import { readFileSync } from "node:fs";
import { listPids, readChildren } from "./proc.ts";

/** A process and what it has used, with what those children of its used that it has waited for. */
export interface UsedByProcess {
  readonly pid: number;
  readonly userMs: number;
  readonly systemMs: number;
}

/** All that a process started, directly or not, and that somebody still has to wait for: also the dead. Not itself. */
export function listDescendants(root: number): UsedByProcess[] {
  const children = readChildren(root);
  if (children === undefined) return listByParents(root);
  const pids = [...children];
  // It grows while it is walked.
  for (const pid of pids) pids.push(...(readChildren(pid) ?? []));
  return [...new Set(pids)].map((pid) => readUsed(pid));
}

/** The same, where that costs a look at every process of the host. */
function listByParents(root: number): UsedByProcess[] {
  const children = Map.groupBy(listPids().map(readUsed), ({ parent }) => parent);
  const found = [...(children.get(root) ?? [])];
  for (const { pid } of found) found.push(...(children.get(pid) ?? []));
  return found;
}

function readUsed(pid: number): UsedByProcess & { readonly parent: number } {
  // The name stands in parentheses and may hold anything.
  const text = read(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ", 15);
  const ticks = (first: number) => (Number(fields[first] ?? 0) + Number(fields[first + 2] ?? 0)) * tickMs;
  return { pid, parent: Number(fields[1] ?? -1), userMs: ticks(11), systemMs: ticks(12) };
}

/** Memory of a living process, now and at its most, in bytes. 0 for a dead one. */
export function readMemory(pid: number): { readonly residentBytes: number; readonly peakBytes: number } {
  const status = read(`/proc/${pid}/status`);
  const of = (name: string) =>
    Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1024;
  return { residentBytes: of("VmRSS"), peakBytes: of("VmHWM") };
}

/** Bytes from and to storage, of a process and of those that it has waited for. 0 when we may not look. */
export function readStorage(pid: number): { readonly readBytes: number; readonly writtenBytes: number } {
  const io = read(`/proc/${pid}/io`);
  const of = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(io)?.[1] ?? 0);
  return { readBytes: of("read_bytes"), writtenBytes: of("write_bytes") };
}

/** Of the kernel's clock for user programs, on every Linux. */
const tickMs = 10;

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
