import type { Check, CheckContext, Finding } from "signalman";
import {
  findCore,
  defaultStateDirectory,
  findOwnershipFault,
  findStateDirectory,
  listRunningAgents,
  toFileSystem,
  toMode,
} from "signalman/host";
import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { findFreeSpace, findExisting, findWriteFault } from "./directories.ts";

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
    const agents = listRunningAgents(path);
    const running = agents.length === 0 ? "no agent is running" : `running agents: pid ${agents.join(", ")}`;
    const title = `state directory "${path}" ${exists ? `exists; ${running}` : "will be created"}`;
    return [
      { level: "ok", title },
      ...findOwnershipFaults(toConfiguredDirectory(context), path),
      ...(exists ? await findModeFaults(path) : []),
      ...findFileSystemFaults(path, (await statfs(existing)).type),
      ...(await findFreeSpace(existing, "state directory")),
    ];
  },
};

export function toStateDirectory({ config, env }: Pick<CheckContext, "config" | "env">): string {
  return findStateDirectory({ directory: toConfiguredDirectory({ config, env }), env });
}

/** With its links, which may be the fault. */
function toConfiguredDirectory({ config, env }: Pick<CheckContext, "config" | "env">): string {
  return findCore(config)?.["state-dir"] ?? defaultStateDirectory(env);
}

/** `start` refuses a directory with such a fault. */
function findOwnershipFaults(configured: string, path: string): Finding[] {
  for (const directory of [configured, join(path, "agents")]) {
    const fault = findOwnershipFault(directory);
    if (fault === undefined) continue;
    const title = `the state directory is not the agent's alone: ${fault.reason}`;
    // Root may look at the directory of an agent of another user.
    const isVisit = fault.kind === "owner" && process.geteuid?.() === 0;
    const detail = "an agent of root refuses it";
    return [
      { level: isVisit ? "warning" : "error", title, remedy: fault.remedy, ...(isVisit && { detail }) },
    ];
  }
  return [];
}

async function findModeFaults(path: string): Promise<Finding[]> {
  const agents = await stat(join(path, "agents")).catch(() => undefined);
  if (agents === undefined || (agents.mode & 0o077) === 0) return [];
  return [
    {
      level: "warning",
      title: `other users can read the jobs and logs in the state directory (mode ${toMode(agents.mode)})`,
      remedy: `chmod 700 ${join(path, "agents")}`,
    },
  ];
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
