import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { AgentError } from "../../core/errors.ts";
import { makePrivateDirectory, readDocument, writeDocument } from "./document.ts";
import { type Lock, readHolder, takeLock } from "./lock.ts";

export interface OpenStateOptions {
  /** `state-dir`; `undefined` for the default directory. */
  readonly directory: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Distinguishes agents that share a directory: the endpoint, and the name if one is configured. */
  readonly agent: string;
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
   * Ensures that the directory exists and is locked by this process: it may have been removed or replaced.
   * Returns `true` when it had to be created and locked again. Throws `STATE_LOCKED` when another agent has
   * done so meanwhile.
   */
  hold(): boolean;
}

/**
 * Opens the directory of an agent. In the default directory it is the first of the agent's directories that
 * is not locked, so that several agents on a host need no configuration. An explicit directory that is locked
 * is refused with `STATE_LOCKED`.
 */
export function openStateDirectory(options: OpenStateOptions): StateDirectory {
  const { directory, env, agent } = options;
  const folder = toFolderName(agent);
  const base = join(directory ?? defaultStateDirectory(env), "agents");
  for (let n = 1; ; n++) {
    const path = join(base, n === 1 ? folder : `${folder}-${n}`);
    const lock = lockFolder(path);
    if (lock) return createStateDirectory(path, lock);
    if (directory !== undefined || n >= maxAgents) throw refusal(path);
  }
}

function createStateDirectory(path: string, first: Lock): StateDirectory {
  let lock = first;
  return {
    path,
    agentId: keepAgentId(join(path, "agent-id.json")),
    slot: (index) => join(path, `slot-${index}`),
    slots: () => readdirSync(path).flatMap((name) => /^slot-(\d+)$/.exec(name)?.slice(1).map(Number) ?? []),
    hold() {
      if (lock.isInPlace) return false;
      const next = lockFolder(path);
      if (next === undefined) throw refusal(path);
      lock[Symbol.dispose]();
      lock = next;
      return true;
    },
    [Symbol.dispose]: () => lock[Symbol.dispose](),
  };
}

function keepAgentId(path: string): string {
  const known = readDocument<string>(path);
  if (known !== undefined) return known;
  const id = randomUUID();
  writeDocument(path, id);
  return id;
}

function lockFolder(path: string): Lock | undefined {
  return takeLock(join(makePrivateDirectory(path), "lock"));
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
