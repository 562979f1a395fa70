import { statSync } from "node:fs";
import type { SandboxConfig } from "./config.ts";
import { exchange, type Workspace } from "./workspace.ts";

/** What every job sees of this host, where it is there. Nothing of `/home`, `/root`, `/run`, `/srv` and `/var` is. */
const system = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt"];
/** Where /etc/resolv.conf may lead to. */
const resolver = "/run/systemd/resolve";

/** The words that run `command` in a sandbox. Later mounts lie over earlier ones. */
export function toBubblewrap(
  command: readonly string[],
  { home, host }: Workspace,
  options: Omit<SandboxConfig, "start-timeout">,
): string[] {
  // `~` is the agent's home directory, and in the sandbox the job's.
  const expand = (path: string) => path.replace(/^~(?=\/)/, home);
  const same = (option: string, paths: readonly string[]) =>
    paths.map(expand).flatMap((path) => [option, path, path]);
  return [
    // Not --die-with-parent: it hangs up the terminal first, and the job's script would go on to its next line. The guard kills the shell first.
    ["bwrap"],
    ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
    options.network ? [] : ["--unshare-net"],
    // Root is root over its own files only.
    ["--cap-drop", "ALL"],
    same("--ro-bind-try", system),
    // The kernel's own settings obey root also without a capability.
    ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev", "--tmpfs", "/run"],
    options.network ? same("--ro-bind-try", [resolver]) : [],
    ["--bind", host.temporary, "/tmp", "--symlink", "../tmp", "/var/tmp", "--symlink", "../run", "/var/run"],
    ["--bind", host.home, home],
    same("--ro-bind", options["read-only"]),
    same("--bind", options.writable),
    options.hide.map(expand).flatMap(hide),
    ["--ro-bind", host.exchange, exchange],
    ["--remount-ro", "/", "--chdir", home, "--"],
    command,
  ].flat();
}

function hide(path: string): readonly string[] {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  return stats.isDirectory() ? ["--tmpfs", path] : ["--ro-bind", "/dev/null", path];
}
