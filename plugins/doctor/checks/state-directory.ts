import {
  type Check,
  type CheckContext,
  type CoreConfig,
  coreName,
  defaultStateDirectory,
  findHolder,
  type Finding,
  toFileSystem,
} from "signalman";
import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { findFreeSpace } from "./free-space.ts";
import { findExisting, findWriteFault, toMode } from "./write-access.ts";

/** Checks the directory in which agents keep jobs and logs. */
export const stateDirectory: Check = {
  async run(context) {
    const path = toStateDirectory(context);
    const fault = await findWriteFault(path);
    if (fault !== undefined) {
      const remedy =
        "change its owner to the user of the agent (chown), or set --state-dir to another directory";
      return [{ level: "error", title: `state directory "${path}" cannot be used: ${fault}`, remedy }];
    }
    const existing = await findExisting(path);
    const exists = existing === path;
    const agents = await listAgents(path);
    const running = agents.length === 0 ? "no agent is running" : `running agents: pid ${agents.join(", ")}`;
    const title = `state directory "${path}" ${exists ? `exists; ${running}` : "will be created"}`;
    return [
      { level: "ok", title },
      ...(exists ? await findModeFaults(path) : []),
      ...findFileSystemFaults(path, (await statfs(existing)).type),
      ...(await findFreeSpace(existing, "state directory")),
    ];
  },
};

export function toStateDirectory({ config, env }: Pick<CheckContext, "config" | "env">): string {
  return (config.of(coreName) as CoreConfig | undefined)?.["state-dir"] ?? defaultStateDirectory(env);
}

/** Pids of the agents that are running on a state directory. */
export async function listAgents(path: string): Promise<readonly number[]> {
  const folders = await readdir(join(path, "agents")).catch(() => []);
  return folders.flatMap((folder) => findHolder(join(path, "agents", folder, "lock"))?.pid ?? []);
}

async function findModeFaults(path: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  const { mode, uid } = await stat(path);
  if ((mode & 0o022) !== 0) {
    findings.push({
      level: "warning",
      title: `other users may write to the state directory (mode ${toMode(mode)})`,
      remedy: `chmod 700 ${path}`,
    });
  }
  const own = process.getuid?.() ?? uid;
  if (uid !== own && own !== 0) {
    findings.push({
      level: "warning",
      title: `the state directory belongs to another user (${uid})`,
      remedy: `run the agent as that user, or: chown -R ${own} ${path}`,
    });
  }
  const agents = await stat(join(path, "agents")).catch(() => undefined);
  if (agents !== undefined && (agents.mode & 0o077) !== 0) {
    findings.push({
      level: "warning",
      title: `other users can read the jobs and logs in the state directory (mode ${toMode(agents.mode)})`,
      remedy: `chmod 700 ${join(path, "agents")}`,
    });
  }
  return findings;
}

function findFileSystemFaults(path: string, type: number): Finding[] {
  const { name, isVolatile, isRemote } = toFileSystem(type);
  if (isVolatile) {
    return [
      {
        level: "warning",
        title: `the state directory is on ${name}: a restart of the machine loses jobs and logs`,
        remedy: "set --state-dir to a directory on a disk",
      },
    ];
  }
  if (!isRemote) return [];
  return [
    {
      level: "warning",
      title: `the state directory is on ${name}: a slow or unreachable server delays every job`,
      detail: `locks may not work there, so that two agents could use "${path}" at the same time`,
      remedy: "set --state-dir to a directory on a disk of this machine",
    },
  ];
}
