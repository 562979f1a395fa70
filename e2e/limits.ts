import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { binary } from "./fixtures.ts";

const isRoot = process.platform === "linux" && process.getuid?.() === 0;

/** A control group whose members share so much memory. Disposal ends what is left in it. */
export interface MemoryGroup extends AsyncDisposable {
  /** Words that start the binary in it. */
  readonly program: readonly string[];
}

export function createMemoryGroup(bytes: number): MemoryGroup {
  const isNew = existsSync("/sys/fs/cgroup/cgroup.controllers");
  const group = path.join("/sys/fs/cgroup", isNew ? "" : "memory", `signalman-test-${crypto.randomUUID()}`);
  mkdirSync(group);
  const procs = path.join(group, "cgroup.procs");
  const dispose = async () => {
    for (const pid of readFileSync(procs, "utf8").split("\n").filter(Boolean)) kill(Number(pid));
    while (existsSync(group)) {
      try {
        rmdirSync(group);
      } catch {
        await Bun.sleep(20);
      }
    }
  };
  try {
    writeFileSync(path.join(group, isNew ? "memory.max" : "memory.limit_in_bytes"), String(bytes));
  } catch (error) {
    rmdirSync(group);
    throw error;
  }
  return {
    program: ["sh", "-c", 'echo $$ > "$0" && exec "$@"', procs, binary],
    [Symbol.asyncDispose]: dispose,
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}

export const canLimitMemory = isRoot && (await probe());
export const needsMemoryGroup = canLimitMemory ? "" : " (skipped: needs root, and a memory cgroup)";

async function probe(): Promise<boolean> {
  try {
    await using _group = createMemoryGroup(2 ** 30);
    return true;
  } catch {
    return false;
  }
}

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
