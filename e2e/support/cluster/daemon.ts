import { existsSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { directories } from "./layout.ts";
import { tail } from "./log-tail.ts";

export interface DaemonOptions {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const at = (name: string, kind: "pid" | "log") => path.join(directories.run, `${name}.${kind}`);

/** Starts a component in the background, unless it runs. Its output goes to `<run>/<name>.log`. */
export function startDaemon(name: string, { command, env }: DaemonOptions): void {
  if (daemonPid(name) !== undefined) return;
  const log = openSync(at(name, "log"), "w");
  const child = Bun.spawn(["setsid", ...command], {
    env: { ...process.env, ...env },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  child.unref();
  writeFileSync(at(name, "pid"), `${child.pid} ${startTime(child.pid) ?? ""}`);
}

/** The pid of a running component. A pid file that names another process, or none, is ignored. */
export function daemonPid(name: string): number | undefined {
  if (!existsSync(at(name, "pid"))) return undefined;
  const [pid, started] = readFileSync(at(name, "pid"), "utf8").split(" ");
  return started !== "" && startTime(Number(pid)) === started ? Number(pid) : undefined;
}

/** Ends a component: SIGTERM, and SIGKILL after ten seconds. Resolves when it is gone. */
export async function stopDaemon(name: string, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  const pid = daemonPid(name);
  if (pid !== undefined) {
    process.kill(pid, signal);
    const deadline = performance.now() + 10_000;
    while (daemonPid(name) !== undefined) {
      if (performance.now() > deadline) process.kill(pid, "SIGKILL");
      await Bun.sleep(20);
    }
  }
  rmSync(at(name, "pid"), { force: true });
}

/** Waits until a component answers. Throws with the end of its log when it has died, or is late. */
export async function waitForDaemon(name: string, isReady: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await isReady().catch(() => false))) {
    const isAlive = daemonPid(name) !== undefined;
    if (isAlive && performance.now() < deadline) {
      await Bun.sleep(100);
      continue;
    }
    const how = isAlive ? "is not ready after two minutes" : "has died";
    throw new Error(`the cluster's ${name} ${how}:\n${tail(readFileSync(at(name, "log"), "utf8"))}`);
  }
}

/** Field 22 of /proc/<pid>/stat, which tells a process from a later one with its pid. `undefined` for a zombie too. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
