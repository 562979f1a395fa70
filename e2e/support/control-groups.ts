import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { findGroupPlace } from "../../src/os/cgroup/place.ts";
import { isRoot } from "./users.ts";

/** A control group of version 2 for an agent. Disposal kills what is left in it. */
export interface AgentGroup extends AsyncDisposable {
  readonly directory: string;
  /** Returns the command that starts a program in the group. */
  start(program: readonly string[]): string[];
  /** Lists the names of the groups that agents created for jobs. */
  jobs(): string[];
}

/** Creates a group; with `owner`, one that is delegated to this user, as systemd does it. */
export function createAgentGroup(owner?: number): AgentGroup {
  const directory = path.join(place, `signalman-test-${crypto.randomUUID()}`);
  // What `DelegateSubgroup=agent` creates: within a unit an agent leaves its group to systemd.
  const start = isUnit ? path.join(directory, "agent") : directory;
  for (const group of new Set([directory, start])) {
    mkdirSync(group);
    if (owner !== undefined)
      for (const name of ["", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"])
        chownSync(path.join(group, name), owner, 0);
  }
  return {
    directory,
    start: (program) => ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', start, ...program],
    jobs: () => readdirSync(directory).filter((name) => name.startsWith("signalman-")),
    async [Symbol.asyncDispose]() {
      while (existsSync(directory)) {
        writeFileSync(path.join(directory, "cgroup.kill"), "1");
        removeTree(directory);
        await Bun.sleep(10);
      }
    },
  };
}

const found = findGroupPlace();
const { directory: place, isUnit } = "reason" in found ? { directory: "", isUnit: false } : found;
export const canCreateGroups = isRoot && probe();
/** Suffix for the name of a test that is skipped where no group can be created. */
export const needsGroups = canCreateGroups ? "" : " (skipped: needs root and control groups of version 2)";

/** Whether groups below that of the tests have the controllers that enforce limits. */
export function hasControllers(): boolean {
  const words = readFileSync(path.join(place, "cgroup.controllers"), "utf8").trim().split(" ");
  return ["memory", "pids", "cpu"].every((name) => words.includes(name));
}

/** Lets groups below that of the tests enforce limits. Returns a group whose children an agent can limit. */
export function enableControllers(): void {
  writeFileSync(path.join(place, "cgroup.subtree_control"), "+memory +pids +cpu");
}

function probe(): boolean {
  if (place === "") return false;
  const directory = path.join(place, `signalman-test-${crypto.randomUUID()}`);
  try {
    mkdirSync(directory);
    return existsSync(path.join(directory, "cgroup.kill"));
  } catch {
    return false;
  } finally {
    if (existsSync(directory)) rmdirSync(directory);
  }
}

function removeTree(directory: string): void {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true }))
      if (entry.isDirectory()) removeTree(path.join(directory, entry.name));
    rmdirSync(directory);
  } catch {
    // The processes in it have not exited yet.
  }
}
