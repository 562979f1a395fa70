import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { AgentError } from "../../core/errors.ts";
import { makePrivateDirectory, readDocument, writeDocument } from "./document.ts";
import { type Lock, readHolder, takeLock } from "./lock.ts";

export interface OpenStateOptions {
  /** `state-dir`; without it the system's usual place. */
  readonly directory: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Tells agents apart that share a place: endpoint, and the name if one is configured. */
  readonly agent: string;
}

/** An agent's own folder, locked against every other agent. Disposal frees it; so does our death. */
export interface StateDirectory extends Disposable {
  readonly path: string;
  /** Random id of this agent, created with its folder. */
  readonly agentId: string;
  /** The folder of one slot. */
  slot(index: number): string;
  /** Those that are there. */
  slots(): number[];
  /**
   * Makes sure that the folder is there, and ours: somebody may have removed or replaced it while we worked. Answers whether it had to be made and locked
   * anew. Throws `STATE_LOCKED` when another agent has done so meanwhile.
   */
  hold(): boolean;
}

/**
 * Opens the folder of an agent. In the usual place it is the first one that fits and is not locked, so that several agents on
 * one host need no configuration; an explicit directory that is locked is refused with `STATE_LOCKED`.
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
    `another agent works in the state directory "${path}" (pid ${pid}); give each its own --state-dir`,
  );
}

const maxAgents = 1000;

/** In the order of who knows best: systemd, the user's session, the user's home. */
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
