import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { AgentError } from "../errors.ts";
import { makePrivateDirectory } from "./document.ts";
import { readHolder, takeLock } from "./lock.ts";

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
  /** The folder of one slot. */
  slot(index: number): string;
  /** Those that are there. */
  slots(): number[];
}

/**
 * Opens the folder of an agent. In the usual place it is the first one that fits and is not locked, so that several agents on
 * one host need no configuration; an explicit directory that is locked is refused with `STATE_LOCKED`.
 */
export function openStateDirectory(options: OpenStateOptions): StateDirectory {
  const { directory, env, agent } = options;
  const folder = toFolderName(agent);
  const base = join(directory ?? usualPlace(env), "agents");
  for (let n = 1; ; n++) {
    const path = makePrivateDirectory(join(base, n === 1 ? folder : `${folder}-${n}`));
    const lock = takeLock(join(path, "lock"));
    if (lock)
      return {
        path,
        slot: (index) => join(path, `slot-${index}`),
        slots: () =>
          readdirSync(path).flatMap((name) => /^slot-(\d+)$/.exec(name)?.slice(1).map(Number) ?? []),
        [Symbol.dispose]: () => lock[Symbol.dispose](),
      };
    if (directory === undefined && n < maxAgents) continue;
    const holder = readHolder(join(path, "lock"));
    throw new AgentError(
      "STATE_LOCKED",
      `another agent works in the state directory "${path}" (pid ${holder?.pid ?? "unknown"}); give each its own --state-dir`,
    );
  }
}

const maxAgents = 1000;

/** In the order of who knows best: systemd, the user's session, the user's home. */
export function usualPlace(env: Readonly<Record<string, string | undefined>>): string {
  // systemd separates several directories by colons.
  const fromSystemd = env["STATE_DIRECTORY"]?.split(":")[0];
  if (fromSystemd) return fromSystemd;
  const home = env["HOME"] || homedir();
  return join(env["XDG_STATE_HOME"] || join(home, ".local", "state"), "signalman");
}

function toFolderName(agent: string): string {
  return agent.replaceAll(/[^A-Za-z0-9._-]+/g, "_").slice(0, 100) || "agent";
}
