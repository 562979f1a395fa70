import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JobLimits } from "../../core/contracts/executor-options.ts";
import { readStat } from "../processes/proc.ts";
import { readKernelText } from "../processes/kernel-file.ts";
import { agentGroup, type GroupPlace } from "./place.ts";

/** Why limits cannot be enforced. */
export interface LimitFault {
  readonly reason: string;
  /**
   * `host`: no control group of this host can enforce them. `group`: the control group of this process
   * cannot.
   */
  readonly scope: "host" | "group";
}

/** The controller that enforces a limit. */
const controllers = { memoryBytes: "memory", pids: "pids", cpus: "cpu" } as const satisfies Record<
  keyof JobLimits,
  string
>;

type Controller = (typeof controllers)[keyof JobLimits];

/**
 * Finds out whether groups of jobs at this place can enforce limits. Changes nothing. `proc`: replaced by
 * tests.
 */
export function findLimitFault(
  { directory, own, isUnit }: GroupPlace,
  limits: JobLimits,
  proc = "/proc",
): LimitFault | undefined {
  const absent = findMissingControllers(directory, limits);
  if (absent.length > 0) return toAbsence(directory, absent, proc);
  if (findDisabledControllers(directory, limits).length === 0 || isRoot(directory)) return undefined;
  const others = listProcesses(directory).filter((pid) => own !== directory || !isOwn(pid));
  const cannot = `controllers cannot be enabled for the children of control group "${directory}" while`;
  if (others.length > 0) return inGroup(`${cannot} processes are in it (${others.slice(0, 3).join(", ")})`);
  if (own === directory && isUnit) return inGroup(`${cannot} the agent is in it`);
  return undefined;
}

/**
 * Enables the controllers that limits need. An agent whose group holds only itself and its children moves
 * with them to the group `agent` below it. {@link findLimitFault} tells before whether that is possible;
 * throws the error of the system when the kernel refuses it.
 */
export function enableControllers({ directory, own }: GroupPlace, limits: JobLimits): void {
  const disabled = findDisabledControllers(directory, limits);
  if (disabled.length === 0) return;
  if (own === directory && !isRoot(directory)) {
    const target = join(directory, agentGroup);
    if (!existsSync(target)) mkdirSync(target);
    for (const pid of listProcesses(directory).filter(isOwn))
      writeFileSync(join(target, "cgroup.procs"), String(pid));
  }
  writeFileSync(join(directory, "cgroup.subtree_control"), disabled.map((name) => `+${name}`).join(" "));
}

/** Returns the controllers that limits need and a group does not have. */
export function findMissingControllers(directory: string, limits: JobLimits): Controller[] {
  const offered = readWords(join(directory, "cgroup.controllers"));
  return toControllers(limits).filter((name) => !offered.has(name));
}

/**
 * Writes the limits of a group. Memory that is limited is not swapped instead (`memory.swap.max`). When it is
 * used up, the kernel ends one process and not the whole group (`memory.oom.group` stays 0), so that the
 * shell continues and the job's log shows what was killed.
 */
export function setLimits(directory: string, { memoryBytes, pids, cpus }: JobLimits): void {
  const write = (file: string, value: string | number) => writeFileSync(join(directory, file), String(value));
  if (memoryBytes !== undefined) {
    write("memory.max", memoryBytes);
    // A kernel without swap has no such file.
    if (existsSync(join(directory, "memory.swap.max"))) write("memory.swap.max", 0);
  }
  if (pids !== undefined) write("pids.max", pids);
  if (cpus !== undefined) write("cpu.max", `${Math.max(minQuota, Math.round(cpus * period))} ${period}`);
}

/**
 * Microseconds in which a group may use its quota of processor time; the kernel refuses a quota below a
 * millisecond.
 */
const period = 100_000;
const minQuota = 1000;

function toControllers(limits: JobLimits): Controller[] {
  const names = Object.keys(controllers) as (keyof JobLimits)[];
  return names.filter((name) => limits[name] !== undefined).map((name) => controllers[name]);
}

function findDisabledControllers(directory: string, limits: JobLimits): Controller[] {
  const enabled = readWords(join(directory, "cgroup.subtree_control"));
  return toControllers(limits).filter((name) => !enabled.has(name));
}

function toAbsence(directory: string, absent: readonly Controller[], proc: string): LimitFault {
  const table = readKernelText(join(proc, "cgroups")) ?? "";
  const what = `controller${absent.length === 1 ? "" : "s"} ${absent.map((name) => `"${name}"`).join(", ")}`;
  // Name, hierarchy (0 is version 2), number of groups, and whether the controller is enabled.
  const columns = absent.map((name) => new RegExp(`^${name}\\s+(\\d+)\\s+\\d+\\s+(\\d)`, "m").exec(table));
  if (columns.some((column) => column?.[1] !== undefined && column[1] !== "0"))
    return { scope: "host", reason: `this host has ${what} in control groups of version 1 (hybrid host)` };
  if (columns.some((column) => column?.[2] === "0"))
    return { scope: "host", reason: `the kernel has ${what} turned off` };
  return inGroup(`control group "${directory}" has no ${what} (cgroup.controllers)`);
}

function inGroup(reason: string): LimitFault {
  return { scope: "group", reason };
}

/**
 * The root of the hierarchy may have processes and children with controllers at once. It has no type; the
 * root of a namespace has one.
 */
function isRoot(directory: string): boolean {
  return !existsSync(join(directory, "cgroup.type"));
}

function listProcesses(directory: string): number[] {
  return (readKernelText(join(directory, "cgroup.procs")) ?? "").split("\n").filter(Boolean).map(Number);
}

/** Whether a process is this one or its descendant. */
function isOwn(pid: number): boolean {
  for (let at = pid; at > 1; at = readStat(at)?.ppid ?? 0) if (at === process.pid) return true;
  return pid === process.pid;
}

function readWords(path: string): ReadonlySet<string> {
  return new Set((readKernelText(path) ?? "").split(/\s+/).filter(Boolean));
}
