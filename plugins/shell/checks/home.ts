import { access, constants, stat } from "node:fs/promises";
import { join } from "node:path";
import { type CheckContext, type Finding, toMessage } from "signalman";
import { readHostFile } from "signalman/host";

/** Checks the home directory, where every job starts, and the files that ssh needs in it. */
export async function checkHome({ env }: CheckContext): Promise<Finding[]> {
  const home = env["HOME"];
  const remedy =
    "create the directory, make the agent's user its owner, and set HOME to it (User= in a unit does that)";
  if (!home)
    return [{ level: "error", title: "HOME is not set: jobs have no directory to start in", remedy }];
  try {
    await access(home, constants.W_OK | constants.X_OK);
  } catch (error) {
    return [
      {
        level: "error",
        title: `home directory "${home}" is not usable by jobs`,
        detail: toMessage(error),
        remedy,
      },
    ];
  }
  return [
    { level: "ok", title: `home directory "${home}"` },
    ...(await findModeFaults(home)),
    findKnownHosts(home),
  ];
}

async function findModeFaults(home: string): Promise<Finding[]> {
  const directory = join(home, ".ssh");
  const found = await stat(directory).catch(() => undefined);
  if (found === undefined || (found.mode & 0o022) === 0) return [];
  return [
    {
      level: "warning",
      title: `"${directory}" is writable by other users: ssh may reject its files`,
      remedy: `chmod 700 ${directory}`,
    },
  ];
}

function findKnownHosts(home: string): Finding {
  const files = [join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"];
  const count = files.reduce((sum, file) => sum + countLines(file), 0);
  if (count > 0) return { level: "ok", title: `ssh has known hosts (${count} lines)` };
  return {
    level: "warning",
    title: "ssh has no known hosts: a checkout over ssh waits for the confirmation of the host key",
    remedy: `add the host keys of your git server to ${files[0]}: ssh-keyscan github.com >> ${files[0]} (then compare them with the published keys)`,
  };
}

function countLines(file: string): number {
  try {
    const lines = readHostFile(file, { maxBytes: 16 * 1024 * 1024 })
      .toString()
      .split("\n");
    return lines.filter((line) => /^[^#\s]/.test(line)).length;
  } catch {
    return 0;
  }
}
