import { mkdir, open, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { isAnswering } from "./api.ts";

/** A Docker daemon that this process has started. Disposal ends it, and waits until it is gone. */
export interface Daemon extends AsyncDisposable {
  readonly socket: string;
  readonly pid: number;
  /** Detaches what an engine with live-restore leaves mounted, so that its directory can be removed. */
  unmount(): Promise<void>;
  /** Ends it as a crash would (SIGKILL), or in order. */
  end(signal: NodeJS.Signals): Promise<void>;
}

export interface DaemonOptions {
  /** Keeps images, its socket and its log. */
  readonly directory: string;
  /** Further arguments: `--live-restore`. */
  readonly arguments?: readonly string[];
  /** Command that runs the daemon in place of itself: `unshare --mount …`. */
  readonly prefix?: readonly string[];
}

const patienceMs = 60_000;

export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  // The containerd of a killed daemon was killed too. As a zombie that no process reaps, it looks alive to
  // the next daemon.
  await rm(path.join(directory, "exec/containerd/containerd.pid"), { force: true });
  const socket = path.join(directory, "docker.sock");
  const logFile = path.join(directory, "dockerd.log");
  await using log = await open(logFile, "w");
  const child = Bun.spawn(
    [
      ...(options.prefix ?? []),
      "dockerd",
      "--host",
      `unix://${socket}`,
      "--data-root",
      path.join(directory, "data"),
      "--exec-root",
      path.join(directory, "exec"),
      "--pidfile",
      path.join(directory, "docker.pid"),
      // Each job has a network of its own, and the default one may belong to another daemon.
      "--bridge=none",
      "--exec-opt=native.cgroupdriver=cgroupfs",
      ...(options.arguments ?? []),
    ],
    { stdio: ["ignore", log.fd, log.fd] },
  );
  process.once("exit", () => child.kill());
  const deadline = performance.now() + patienceMs;
  while (!(await isAnswering(socket))) {
    if (child.exitCode === null && performance.now() < deadline) await Bun.sleep(50);
    else {
      child.kill("SIGKILL");
      const last = (await readFile(logFile, "utf8")).split("\n").slice(-8).join("\n");
      throw new Error(`dockerd did not start; its log ("${logFile}") ends with:\n${last}`);
    }
  }
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await child.exited;
  };
  const unmount = async () => {
    const mounts = (await readFile("/proc/self/mounts", "utf8"))
      .split("\n")
      .map((line) => line.split(" ")[1] ?? "");
    for (const mount of mounts.filter((each) => each.startsWith(`${directory}/`)).toReversed())
      Bun.spawnSync(["umount", "--lazy", mount]);
  };
  return { socket, pid: child.pid, end, unmount, [Symbol.asyncDispose]: () => end("SIGTERM") };
}
