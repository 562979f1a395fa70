import type { Command, CommandEntry } from "../../core/contracts/command.ts";
import { AgentError } from "../../core/errors.ts";
import { toHint } from "../../core/text/nearest.ts";

/**
 * Loads a command by its name. Throws `USAGE_INVALID` for an unknown name, `PLUGIN_INVALID` when the plugin
 * provides something else.
 */
export async function loadCommand(
  name: string,
  commands: ReadonlyMap<string, CommandEntry>,
): Promise<Command> {
  const found = commands.get(name);
  if (found === undefined) {
    throw new AgentError("USAGE_INVALID", `unknown command "${name}"${toHint(name, commands.keys())}`);
  }
  const command = (await found.load()).default as Command | undefined;
  if (typeof command?.run === "function") return command;
  throw new AgentError(
    "PLUGIN_INVALID",
    `"${name}" of plugin "${found.plugin}" is not a command (expected: export default defineCommand({ meta, run }))`,
  );
}

/** Returns the longest name that the command line begins with. */
export function findName(argv: readonly string[], isKnown: (name: string) => boolean): string | undefined {
  const names = argv.length > 1 ? [argv.slice(0, 2).join(" "), argv[0]!] : argv.slice(0, 1);
  return names.find(isKnown);
}
