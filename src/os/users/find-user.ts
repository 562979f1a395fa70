import type { JobUser } from "../../core/contracts/executor-options.ts";
import { AgentError } from "../../core/errors.ts";
import { readTable, toRows } from "./account-tables.ts";

/**
 * Finds a user of this host by name or uid, with all of its groups: through the system's name services where
 * `getent` exists, otherwise in `/etc/passwd`. Throws `CONFIG_INVALID` for an unknown user and for root.
 */
export function findUser(wanted: string): Omit<JobUser, "isExclusive"> {
  const entry = findEntry(wanted);
  const [name = "", , uid = "", gid = "", , home = "", shell = ""] = entry ?? [];
  if (entry === undefined || !isNumber(uid) || !isNumber(gid))
    throw new AgentError(
      "CONFIG_INVALID",
      `no user "${wanted}" on this host: create the user, or correct "shell-user"`,
    );
  if (Number(uid) === 0)
    throw new AgentError(
      "CONFIG_INVALID",
      `user "${wanted}" is root, whose jobs could do all that the agent can: set "shell-user" to an ordinary user`,
    );
  return {
    name,
    uid: Number(uid),
    gid: Number(gid),
    groups: readGroups(name, Number(gid)),
    home: home || "/",
    shell: toShell(shell),
  };
}

function findEntry(wanted: string): string[] | undefined {
  const [found] = toRows(ask(["getent", "passwd", wanted]) ?? "");
  return found ?? toRows(readTable("passwd")).find(([name, , uid]) => name === wanted || uid === wanted);
}

function readGroups(name: string, gid: number): number[] {
  const groups = ask(["id", "-G", name])?.split(" ").filter(isNumber).map(Number) ?? [];
  return [...new Set([gid, ...groups])];
}

/** A user who cannot log in has a program in this place that only exits. */
function toShell(shell: string): string {
  return /\/(nologin|false|sync|halt|shutdown)$/.test(shell) || shell === "" ? "/bin/bash" : shell;
}

/**
 * Returns what a program of the system prints, without the end of the line; `undefined` when it fails or is
 * missing.
 */
function ask(command: string[]): string | undefined {
  try {
    const { exitCode, stdout } = Bun.spawnSync(command, { stdin: "ignore", stderr: "ignore" });
    return exitCode === 0 ? stdout.toString().trim() : undefined;
  } catch {
    return undefined;
  }
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}
