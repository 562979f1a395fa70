import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { binary } from "./fixtures.ts";
import { isRoot } from "./users.ts";

/** What a control group can bound, and the file that says how much, in either version of the kernel's interface. */
const bounds = {
  memory: { old: "memory.limit_in_bytes", new: "memory.max" },
  pids: { old: "pids.max", new: "pids.max" },
} as const;

/** A control group whose members share so many bytes, or processes. Disposal ends what is left in it. */
export interface ControlGroup extends AsyncDisposable {
  /** Words that start the binary in it. */
  readonly program: readonly string[];
  /** So many processes are in it, also those that nobody has waited for. */
  processes(): number;
}

export function createControlGroup(bound: keyof typeof bounds, most: number): ControlGroup {
  const version = existsSync("/sys/fs/cgroup/cgroup.controllers") ? "new" : "old";
  const name = `signalman-test-${crypto.randomUUID()}`;
  const group = path.join("/sys/fs/cgroup", version === "new" ? "" : bound, name);
  mkdirSync(group);
  const procs = path.join(group, "cgroup.procs");
  try {
    writeFileSync(path.join(group, bounds[bound][version]), String(most));
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
    // It has just ended.
  }
}

export const canLimit = isRoot && (await probe());
export const needsGroups = canLimit ? "" : " (skipped: needs root, and control groups)";

async function probe(): Promise<boolean> {
  try {
    await using _memory = createControlGroup("memory", 2 ** 30);
    await using _pids = createControlGroup("pids", 1000);
    return true;
  } catch {
    return false;
  }
}

/** Words that start a program with mounts of its own. */
export const mountNamespace = ["unshare", "-m"];
export const canUnshare =
  isRoot && Bun.which("unshare") !== null && Bun.spawnSync([...mountNamespace, "true"]).success;
export const needsNamespace = canUnshare ? "" : " (skipped: needs root, and mounts of its own)";

/** A user that nobody else is. */
export interface Somebody {
  readonly uid: number;
  /** Words that start a program as this user. */
  readonly as: readonly string[];
  /** Pids of what lives of this user. */
  living(): number[];
}

export const canBeSomebody = isRoot && Bun.which("setpriv") !== null;
export const needsSomebody = canBeSomebody ? "" : " (skipped: needs root, and setpriv)";

export function createSomebody(): Somebody {
  const uid = 100_000 + Math.floor(Math.random() * 1_000_000_000);
  return {
    uid,
    as: ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"],
    living: () =>
      readdirSync("/proc").flatMap((pid) => {
        try {
          const status = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/status`, "utf8") : "";
          return new RegExp(`^Uid:\\t${uid}\\t`, "m").test(status) && !/^State:\tZ/m.test(status)
            ? [Number(pid)]
            : [];
        } catch {
          return [];
        }
      }),
  };
}
