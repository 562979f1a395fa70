import { statSync } from "node:fs";
import type { SandboxConfig } from "./config.ts";
import { exchange, type Workspace } from "./workspace.ts";

/** Paths of this host that every job sees, when they exist. `/home`, `/root`, `/run`, `/srv` and `/var` are hidden. */
const system = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt"];
/** A possible target of the link /etc/resolv.conf. */
const resolver = "/run/systemd/resolve";

/** Returns the command line that runs `command` in a sandbox. Later mounts cover earlier ones. */
export function toBubblewrap(
  command: readonly string[],
  { home, host }: Workspace,
  hostPaths: readonly string[],
  options: Omit<SandboxConfig, "start-timeout">,
): string[] {
  // `~` is the agent's home directory; the sandbox has the job's home at the same path.
  const expand = (path: string) => path.replace(/^~(?=\/)/, home);
  const same = (option: string, paths: readonly string[]) =>
    paths.map(expand).flatMap((path) => [option, path, path]);
  return [
    // Without --die-with-parent, which hangs up the terminal first: the job's script would run its next line.
    // The guard kills the shell first.
    ["bwrap"],
    ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    options.network ? [] : ["--unshare-net"],
    // Limits root to its own files.
    ["--cap-drop", "ALL"],
    same("--ro-bind-try", system),
    // Root can change kernel settings even without capabilities.
    ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev", "--tmpfs", "/run"],
    options.network ? same("--ro-bind-try", [resolver]) : [],
    ["--bind", host.temporary, "/tmp", "--symlink", "../tmp", "/var/tmp", "--symlink", "../run", "/var/run"],
    ["--bind", host.home, home],
    same("--ro-bind", options["read-only"]),
    same("--bind", options.writable),
    options.hide.map(expand).flatMap(hide),
    ["--ro-bind", host.exchange, exchange],
    // The job's socket and the program that it calls.
    same("--ro-bind-try", hostPaths),
    ["--remount-ro", "/", "--chdir", home, "--"],
    command,
  ].flat();
}

function hide(path: string): readonly string[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  return stats.isDirectory() ? ["--tmpfs", path] : ["--ro-bind", "/dev/null", path];
}
