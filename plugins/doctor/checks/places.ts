import {
  type Check,
  type CheckContext,
  type CoreConfig,
  coreName,
  findHolder,
  type Finding,
  toFileSystem,
  toMessage,
  defaultStateDirectory,
} from "signalman";
import { access, constants, lstat, readdir, stat, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findExisting, findWriteFault, toMode } from "./access.ts";
import { findRoom } from "./disk.ts";

export function toStatePlace({ config, env }: Pick<CheckContext, "config" | "env">): string {
  return (config.of(coreName) as CoreConfig | undefined)?.["state-dir"] ?? defaultStateDirectory(env);
}

/** Pids of the agents that run on a state directory now. */
export async function listAgents(place: string): Promise<readonly number[]> {
  const folders = await readdir(join(place, "agents")).catch(() => []);
  return folders.flatMap((folder) => findHolder(join(place, "agents", folder, "lock"))?.pid ?? []);
}

/** Where jobs and logs are kept. */
export const stateDirectory: Check = {
  async run(context) {
    const place = toStatePlace(context);
    const where = `state directory "${place}"`;
    const fault = await findWriteFault(place);
    if (fault !== undefined) {
      const remedy = "give it to the agent's user (chown), or name another with --state-dir";
      return [{ level: "error", title: `the ${where} cannot be used: ${fault}`, remedy }];
    }
    const existing = await findExisting(place);
    const isThere = existing === place;
    const agents = await listAgents(place);
    const running =
      agents.length === 0 ? "no agent runs on it" : `agents run on it: pid ${agents.join(", ")}`;
    const title = isThere ? `the ${where} is there; ${running}` : `the ${where} will be made`;
    return [
      { level: "ok", title },
      ...(isThere ? await findModeFaults(place) : []),
      ...findFileSystemFaults(place, (await statfs(existing)).type),
      ...(await findRoom(existing, "state directory")),
    ];
  },
};

async function findModeFaults(place: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  const { mode, uid } = await stat(place);
  if ((mode & 0o022) !== 0) {
    findings.push({
      level: "warning",
      title: `others may write into the state directory (mode ${toMode(mode)})`,
      remedy: `chmod 700 ${place}`,
    });
  }
  const own = process.getuid?.() ?? uid;
  if (uid !== own && own !== 0) {
    findings.push({
      level: "warning",
      title: `the state directory belongs to another user (${uid})`,
      remedy: `run the agent as that user, or: chown -R ${own} ${place}`,
    });
  }
  const agents = await stat(join(place, "agents")).catch(() => undefined);
  if (agents !== undefined && (agents.mode & 0o077) !== 0) {
    findings.push({
      level: "warning",
      title: `others can look into the jobs and logs of the state directory (mode ${toMode(agents.mode)})`,
      remedy: `chmod 700 ${join(place, "agents")}`,
    });
  }
  return findings;
}

function findFileSystemFaults(place: string, type: number): Finding[] {
  const { name, isVolatile, isRemote } = toFileSystem(type);
  if (isVolatile) {
    return [
      {
        level: "warning",
        title: `the state directory is on ${name}: a restart of the machine loses jobs and logs`,
        remedy: "put it on a disk: --state-dir",
      },
    ];
  }
  if (!isRemote) return [];
  return [
    {
      level: "warning",
      title: `the state directory is on ${name}: what is slow or away there holds up every job`,
      detail: `a lock may not hold there either, so that two agents could work on "${place}"`,
      remedy: "put it on a disk of this machine: --state-dir",
    },
  ];
}

/** Where programs put what they need for a while. */
export const temporaryDirectory: Check = {
  async run() {
    const path = tmpdir();
    const remedy = `make it (mkdir -m 1777 ${path}), or set TMPDIR to one that this user may write to`;
    const fault = (await findExisting(path)) === path ? await findWriteFault(path) : "it is not there";
    return fault === undefined
      ? findRoom(path, "temporary directory")
      : [{ level: "error", title: `the temporary directory "${path}" cannot be used: ${fault}`, remedy }];
  },
};

/** The agent's own log. */
export const logFile: Check = {
  async run({ config }) {
    const core = config.of(coreName) as CoreConfig | undefined;
    const path = core?.["log-file-path"] ?? join(tmpdir(), "agent_log");
    const fault = await findLogFault(path);
    if (fault === undefined) return [{ level: "ok", title: `the log file "${path}" can be written` }];
    const isChosen = config.options.some(
      ({ key, source }) => key === "log-file-path" && source.kind !== "default",
    );
    return [
      {
        level: isChosen ? "error" : "warning",
        title: `the log file "${path}" cannot be written: ${fault}`,
        ...(!isChosen && { detail: "the agent goes on without it" }),
        remedy: "give it to the agent's user, or name another with --log-file-path",
      },
    ];
  },
};

async function findLogFault(path: string): Promise<string | undefined> {
  if ((await findExisting(path)) !== path) return findWriteFault(dirname(path));
  const found = await lstat(path);
  if (found.isDirectory()) return "it is a directory";
  if (found.isSymbolicLink()) return "it is a symbolic link, which is not followed";
  try {
    await access(path, constants.W_OK);
    return undefined;
  } catch (error) {
    return toMessage(error);
  }
}
