import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { binary } from "./fixtures.ts";
import { runsAsJobUser } from "./job-user.ts";
import { isRoot } from "./users.ts";

/** Files that set the limits of a control group, in both versions of the kernel's interface. */
const limits = {
  memory: { old: "memory.limit_in_bytes", new: "memory.max" },
  pids: { old: "pids.max", new: "pids.max" },
} as const;

/** A control group with a limit. Disposal kills the processes that are left in it. */
export interface ControlGroup extends AsyncDisposable {
  /** Command that starts the binary in the group. */
  readonly program: readonly string[];
  /** Number of processes in the group, including zombies. */
  processes(): number;
}

/**
 * Creates a group whose processes together have at most `limit` bytes of memory, or number at most `limit`.
 */
export function createControlGroup(resource: keyof typeof limits, limit: number): ControlGroup {
  const version = existsSync("/sys/fs/cgroup/cgroup.controllers") ? "new" : "old";
  const name = `signalman-test-${crypto.randomUUID()}`;
  const group = path.join("/sys/fs/cgroup", version === "new" ? "" : resource, name);
  mkdirSync(group);
  const procs = path.join(group, "cgroup.procs");
  try {
    writeFileSync(path.join(group, limits[resource][version]), String(limit));
  } catch (error) {
    rmdirSync(group);
    throw error;
  }
  return {
    processes: () => Number(readFileSync(path.join(group, "pids.current"), "utf8")),
    program: ["sh", "-c", 'echo $$ > "$0" && exec "$@"', procs, binary],
    async [Symbol.asyncDispose]() {
      while (existsSync(group)) {
        for (const pid of readFileSync(procs, "utf8").split("\n").filter(Boolean)) kill(Number(pid));
        try {
          rmdirSync(group);
        } catch {
          await Bun.sleep(20);
        }
      }
    },
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // The process has just exited.
  }
}

export const hasControlGroups = isRoot && (await probe());
/** Suffix for the name of a test that is skipped without control groups. */
export const needsControlGroups = hasControlGroups ? "" : " (skipped: needs root and control groups)";

async function probe(): Promise<boolean> {
  try {
    await using _memory = createControlGroup("memory", 2 ** 30);
    await using _pids = createControlGroup("pids", 1000);
    return true;
  } catch {
    return false;
  }
}

/** Command that starts a program in its own mount namespace. */
export const mountNamespace = ["unshare", "-m"];
export const canUnshare =
  isRoot && Bun.which("unshare") !== null && Bun.spawnSync([...mountNamespace, "true"]).success;
export const needsNamespace = canUnshare ? "" : " (skipped: needs root and mount namespaces)";

/** A user with an id that no other process has. */
export interface UniqueUser {
  readonly uid: number;
  /** Command that starts a program as this user. */
  readonly as: readonly string[];
  /** Lists the pids of this user's running processes. */
  findProcesses(): number[];
  /** Lists the dead ones that their parent has not reaped: they count for the limit of processes. */
  findZombies(): number[];
}

export const canChangeUser = isRoot && !runsAsJobUser && Bun.which("setpriv") !== null;
export const needsChangeUser = canChangeUser ? "" : " (skipped: needs root and setpriv)";

export function createUniqueUser(): UniqueUser {
  const uid = 100_000 + Math.floor(Math.random() * 1_000_000_000);
  const list = (state: RegExp) =>
    readdirSync("/proc").flatMap((pid) => {
      try {
        const status = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/status`, "utf8") : "";
        return new RegExp(`^Uid:\t${uid}\t`, "m").test(status) && state.test(status) ? [Number(pid)] : [];
      } catch {
        return [];
      }
    });
  return {
    uid,
    as: ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"],
    findProcesses: () => list(/^State:\t[^Z]/m),
    findZombies: () => list(/^State:\tZ/m),
  };
}
