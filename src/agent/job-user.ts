import type { CoreConfig } from "./options/index.ts";
import type { JobUser } from "../core/contracts/executor-options.ts";
import { AgentError } from "../core/errors.ts";
import { findUser } from "../os/users/find-user.ts";

/**
 * Finds the user of each slot's jobs (`shell-user`), by the slot's index; `undefined` when jobs run as the
 * agent's user. Throws `CONFIG_INVALID` when this agent cannot run jobs as another user.
 */
export function findJobUsers(core: CoreConfig, slots: number): readonly JobUser[] | undefined {
  const pattern = core["shell-user"];
  if (pattern === undefined) return undefined;
  const fault = findFault(pattern, slots);
  if (fault !== undefined)
    throw new AgentError("CONFIG_INVALID", `"shell-user" is "${pattern}", and ${fault}`);
  const isExclusive = core["end-user-processes"] ?? pattern.includes(slotWord);
  return Array.from({ length: slots }, (_, index) => {
    return { ...findUser(toName(pattern, index)), isExclusive };
  });
}

function findFault(pattern: string, slots: number): string | undefined {
  if (process.getuid?.() !== 0)
    return "only an agent that runs as root can start jobs as another user: start it as root, or unset the option";
  if (slots > 1 && !pattern.includes(slotWord))
    return `the jobs of ${slots} slots would share one user, and read each other's files: use a user for each slot, such as "ci-${slotWord}"`;
  if (!hasSetpriv()) return "the program `setpriv` of util-linux is missing: install util-linux";
  return undefined;
}

function toName(pattern: string, index: number): string {
  return pattern.replaceAll(slotWord, String(index + 1));
}

/** Is replaced by the number of the slot, from 1. */
const slotWord = "{slot}";

/** The `setpriv` of busybox changes no user. */
function hasSetpriv(): boolean {
  try {
    return Bun.spawnSync(["setpriv", "--version"], { stderr: "ignore" })
      .stdout.toString()
      .includes("util-linux");
  } catch {
    return false;
  }
}
