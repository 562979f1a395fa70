import type { Check, Finding } from "signalman";
import { access, constants, stat } from "node:fs/promises";

/**
 * Checks that the kernel protects the agent's process from its start: the memory and environment of a program
 * that its user cannot read are closed to other processes of this user. The agent protects itself as well,
 * but only once it runs.
 */
export const programFile: Check = {
  async run() {
    const uid = process.getuid?.();
    if (process.platform !== "linux" || uid === undefined || uid === 0) return [];
    // The kernel gives the files of a protected process to root.
    const { uid: owner } = await stat("/proc/self/environ");
    if (owner !== uid) {
      return [
        { level: "ok", title: "jobs cannot read the agent's memory and environment, from its start on" },
      ];
    }
    return [toWarning(await canRead(process.execPath))];
  },
};

function toWarning(isReadable: boolean): Finding {
  const path = process.execPath;
  const title = "jobs can read the agent's token while the agent starts";
  if (!isReadable) {
    return {
      level: "warning",
      title,
      detail: "the program cannot be read, but it was started with the capability to read every file",
      remedy: "start it with User= of systemd, su or runuser, and not with setpriv",
    };
  }
  return {
    level: "warning",
    title,
    detail: `the kernel protects a process from its start only if its user cannot read the program "${path}"`,
    remedy: Bun.main.startsWith("/$bunfs/")
      ? `run as root: chown root:root ${path} && chmod 0711 ${path}`
      : "install the compiled program (npm run build) as a file of root with mode 0711",
  };
}

async function canRead(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
