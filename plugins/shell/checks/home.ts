import { access, constants, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type CheckContext, type Finding, toMessage } from "signalman";

/** The directory in which every job begins, and what ssh wants there. */
export async function checkHome({ env }: CheckContext): Promise<Finding[]> {
  const home = env["HOME"];
  const remedy = "make it, give it to the agent's user, and set HOME to it (User= in a unit does so)";
  if (!home) return [{ level: "error", title: "HOME is not set: jobs have nowhere to begin", remedy }];
  try {
    await access(home, constants.W_OK | constants.X_OK);
  } catch (error) {
    return [
      { level: "error", title: `jobs cannot work in their home "${home}"`, detail: toMessage(error), remedy },
    ];
  }
  return [
    { level: "ok", title: `home "${home}"` },
    ...(await findModeFaults(home)),
    await findKnownHosts(home),
  ];
}

async function findModeFaults(home: string): Promise<Finding[]> {
  const directory = join(home, ".ssh");
  const found = await stat(directory).catch(() => undefined);
  if (found === undefined || (found.mode & 0o022) === 0) return [];
  return [
    {
      level: "warning",
      title: `others may write into "${directory}": ssh may refuse its files`,
      remedy: `chmod 700 ${directory}`,
    },
  ];
}

async function findKnownHosts(home: string): Promise<Finding> {
  const files = [join(home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"];
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  const hosts = texts.map((text) => text.split("\n").filter((line) => /^[^#\s]/.test(line)).length);
  const count = hosts.reduce((sum, some) => sum + some, 0);
  if (count > 0) return { level: "ok", title: `ssh knows the keys of hosts (${count} lines)` };
  return {
    level: "warning",
    title: "ssh knows no host: the first checkout over ssh asks whether to trust, and nobody answers",
    remedy: `put the keys of your git server into ${files[0]}, as in: ssh-keyscan github.com >> ${files[0]} (compare them with what it publishes)`,
  };
}
