import { homedir } from "node:os";
import { join } from "node:path";
import { AgentError, isAgentError, toMessage } from "../../core/errors.ts";
import { readDocument, writeDocument } from "./document.ts";
import { followPath } from "../file-trust/path-steps.ts";
import { findEntry, listDirectory, removeEntry } from "./file.ts";
import { findHolder, type Lock, readHolder, takeLock } from "./lock.ts";
import { assertOwnership } from "../file-trust/ownership.ts";
import { makePrivateDirectory } from "./private-directory.ts";

export interface OpenStateOptions {
  /** `state-dir`; `undefined` for the default directory. */
  readonly directory: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Distinguishes agents that share a directory: the endpoint, and the name if one is configured. */
  readonly agent: string;
  /** Receives messages about damaged files that were replaced. */
  readonly onDamaged?: (message: string) => void;
}

/**
 * An agent's own directory, locked against other agents. Disposal releases the lock, as does the death of
 * this process.
 */
export interface StateDirectory extends Disposable {
  readonly path: string;
  /** Random id of this agent, created with its directory. */
  readonly agentId: string;
  /** Returns the directory of one slot. */
  slot(index: number): string;
  /** Lists the slots that have a directory. */
  slots(): number[];
  /**
   * Ensures that the directory exists and is locked by this process: it may have been removed or replaced, as
   * may its lock. Returns what had to be done again. Throws `STATE_LOCKED` when another agent has done so
   * meanwhile.
   */
  hold(): "recreated" | "locked" | undefined;
}

/**
 * Opens the directory of an agent. In the default directory it is the first of the agent's directories that
 * is not locked, so that several agents on a host need no configuration. An explicit directory that is locked
 * is refused with `STATE_LOCKED`, and one that other users can change with `STATE_UNSAFE`.
 */
export function openStateDirectory(options: OpenStateOptions): StateDirectory {
  const { directory, env, agent } = options;
  const folder = toFolderName(agent);
  const root = assertOwnership(directory ?? defaultStateDirectory(env));
  const base = join(root, "agents");
  assertOwnership(base);
  for (let n = 1; ; n++) {
    const path = join(base, n === 1 ? folder : `${folder}-${n}`);
    assertOwnership(path);
    const lock = lockFolder(path);
    if (lock) return createStateDirectory(path, lock, options);
    if (directory !== undefined || n >= maxAgents) throw refusal(path);
  }
}

/**
 * Lists the directories of the agents in a state directory; what is no directory is left out. Throws
 * `FILE_FAILED`.
 */
export function listAgentDirectories(stateDirectory: string): string[] {
  const base = join(stateDirectory, "agents");
  try {
    return listDirectory(base)
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(base, name));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new AgentError("FILE_FAILED", `agents could not be listed: ${toMessage(cause)}`, { cause });
  }
}

/** Lists the pids of the agents that are running on a state directory. */
export function listRunningAgents(stateDirectory: string): number[] {
  try {
    return listAgentDirectories(stateDirectory).flatMap((path) => findHolder(join(path, "lock"))?.pid ?? []);
  } catch {
    return [];
  }
}

/** Returns the path of the state directory, without symbolic links. It may not exist yet. */
export function findStateDirectory({ directory, env }: Pick<OpenStateOptions, "directory" | "env">): string {
  return followPath(directory ?? defaultStateDirectory(env)).path;
}

function createStateDirectory(path: string, first: Lock, { onDamaged }: OpenStateOptions): StateDirectory {
  let lock = first;
  return {
    path,
    agentId: keepAgentId(join(path, "agent-id.json"), onDamaged),
    slot: (index) => join(path, `slot-${index}`),
    slots: () =>
      listDirectory(path)
        .filter((entry) => entry.isDirectory())
        .flatMap(({ name }) => /^slot-(\d{1,6})$/.exec(name)?.slice(1).map(Number) ?? []),
    hold() {
      if (lock.isInPlace) return undefined;
      const exists = findEntry(path)?.isDirectory() === true;
      const next = lockFolder(path);
      if (next === undefined) throw refusal(path);
      lock[Symbol.dispose]();
      lock = next;
      return exists ? "locked" : "recreated";
    },
    [Symbol.dispose]: () => lock[Symbol.dispose](),
  };
}

/** A damaged id is replaced: it only marks what executors left outside this host's processes. */
function keepAgentId(path: string, onDamaged: (message: string) => void = () => {}): string {
  try {
    const known = readDocument<string>(path, { isValid: isAgentId });
    if (known !== undefined) return known;
  } catch (error) {
    if (isAgentError(error, "STATE_NEWER")) throw error;
    onDamaged(`the agent's id is unreadable and replaced by a new one: ${toMessage(error)}`);
  }
  const id = crypto.randomUUID();
  // A registration must not wait for the disk.
  writeDocument(path, id, { sync: "soon" });
  return id;
}

function isAgentId(document: unknown): document is string {
  return typeof document === "string" && /^[\w-]{1,100}$/.test(document);
}

/** Only a file can be locked: anything else in its place belongs to no agent and is removed. */
function lockFolder(path: string): Lock | undefined {
  const lock = join(makePrivateDirectory(path), "lock");
  if (findEntry(lock)?.isFile() === false) removeEntry(lock);
  return takeLock(lock);
}

function refusal(path: string): AgentError {
  const pid = readHolder(join(path, "lock"))?.pid ?? "unknown";
  return new AgentError(
    "STATE_LOCKED",
    `another agent (pid ${pid}) uses the state directory "${path}"; give each agent its own --state-dir`,
  );
}

const maxAgents = 1000;

/**
 * Returns the default state directory: systemd's, then that of the user's session, then one in the home
 * directory.
 */
export function defaultStateDirectory(env: Readonly<Record<string, string | undefined>>): string {
  // systemd separates several directories by colons.
  const fromSystemd = env["STATE_DIRECTORY"]?.split(":")[0];
  if (fromSystemd) return fromSystemd;
  const home = env["HOME"] || homedir();
  return join(env["XDG_STATE_HOME"] || join(home, ".local", "state"), "signalman");
}

function toFolderName(agent: string): string {
  return agent.replaceAll(/[^A-Za-z0-9._-]+/g, "_").slice(0, 100) || "agent";
}
