import { findName, loadCommand } from "./load-command.ts";
import type { Command, CommandLoader, CommandEntry } from "../core/contracts/command.ts";
import type { LoadedPlugin, BuiltInPlugins } from "../core/host/loader.ts";
import { AgentError } from "../core/errors.ts";

/** The built-in plugins, and the names of their commands, which are known without loading any of them. */
export interface BuiltIns {
  readonly plugins: BuiltInPlugins;
  /** Name of a command → the plugin that adds it. */
  readonly commands: Readonly<Record<string, string>>;
}

/** A command, and the words of the command line that name it. */
export interface FoundCommand {
  readonly name: string;
  readonly plugin?: string;
  readonly command: Command;
}

/** The program's own commands, by name. */
export const ownCommands: Readonly<Record<string, CommandLoader>> = {
  start: () => import("./start.ts"),
  run: () => import("./run.ts"),
  logs: () => import("./logs.ts"),
  status: () => import("./status.ts"),
  config: () => import("./config.ts"),
  "config check": () => import("./config-check.ts"),
  "config migrate": () => import("./config-migrate.ts"),
  "config schema": () => import("./config-schema.ts"),
  plugins: () => import("./plugins.ts"),
  "plugins new": () => import("./plugins-new.ts"),
  "plugins test": () => import("./plugins-test.ts"),
  help: () => import("./help.ts"),
  version: () => import("./version.ts"),
};

/** Finds a command that is known without a configuration: one of the program's own, or of a built-in plugin. */
export async function findKnownCommand(
  argv: readonly string[],
  builtIns: BuiltIns,
): Promise<FoundCommand | undefined> {
  const name = findName(
    argv,
    (words) => Object.hasOwn(ownCommands, words) || Object.hasOwn(builtIns.commands, words),
  );
  if (name === undefined) return undefined;
  const plugin = Object.hasOwn(builtIns.commands, name) ? builtIns.commands[name] : undefined;
  if (plugin === undefined) return { name, command: (await ownCommands[name]!()).default };
  const load = (await builtIns.plugins[plugin]!()).default.commands![name]!;
  return { name, plugin, command: (await load()).default };
}

/** Finds a command of the loaded plugins. Throws `USAGE_INVALID` when there is none of this name. */
export async function findPluginCommand(
  argv: readonly string[],
  commands: ReadonlyMap<string, CommandEntry>,
): Promise<FoundCommand> {
  const name = findName(argv, (words) => commands.has(words)) ?? argv[0] ?? "";
  const command = await loadCommand(name, commands);
  const plugin = commands.get(name)?.plugin;
  return { name, command, ...(plugin !== undefined && { plugin }) };
}

/** Lists the program's own commands and those of the plugins. Throws `PLUGIN_INVALID` for a name that is taken. */
export function collectCommands(plugins: readonly LoadedPlugin[]): ReadonlyMap<string, CommandEntry> {
  const collected = new Map<string, CommandEntry>(
    Object.entries(ownCommands).map(([name, load]) => [name, { load }]),
  );
  for (const { plugin } of plugins) {
    for (const [name, load] of Object.entries(plugin.commands ?? {})) {
      const [word = ""] = name.split(" ");
      const isOurs = Object.hasOwn(ownCommands, word);
      const other = isOurs ? undefined : collected.get(name)?.plugin;
      if (isOurs || other !== undefined) {
        throw new AgentError(
          "PLUGIN_INVALID",
          `plugin "${plugin.name}" adds the command "${name}", which ${isOurs ? "signalman itself" : `plugin "${other}"`} has`,
        );
      }
      collected.set(name, { plugin: plugin.name, load });
    }
  }
  return collected;
}
