import { ownCommands } from "../commands/index.ts";
import type { Command, CommandEntry } from "../../core/contracts/command.ts";
import type { KnownSchemas } from "../../core/config/flags.ts";
import { AgentError } from "../../core/errors.ts";
import type { BuiltInPlugins, LoadedPlugin } from "../../core/host/loader.ts";
import { toHint } from "../../core/text/nearest.ts";
import { helpWords, isHelpWord } from "../help/words.ts";

/** The built-in plugins, and the names of their commands, which are known without loading any of them. */
export interface BuiltIns {
  readonly plugins: BuiltInPlugins;
  /** Name of a command → the plugin that adds it. */
  readonly commands: Readonly<Record<string, string>>;
  /**
   * Schemas of the core and of the plugins (`scripts/build/schemas.ts`). Left out: they are converted at each
   * start.
   */
  readonly schemas?: KnownSchemas | undefined;
}

/** A command, and the words of the command line that name it. */
export interface FoundCommand {
  readonly name: string;
  readonly plugin?: string;
  readonly command: Command;
  /** Words of a command that is not built in, which `help` describes. */
  readonly describes?: readonly string[];
  /** Names of the pages that `help` has besides those of commands, for an error about an unknown word. */
  readonly pages?: readonly string[];
}

/** Finds a command that is known without a configuration: one of the program's own, or of a built-in plugin. */
export async function findKnownCommand(
  argv: readonly string[],
  builtIns: BuiltIns,
): Promise<FoundCommand | undefined> {
  const name = findKnownName(argv, builtIns);
  if (name === undefined) return undefined;
  const plugin = Object.hasOwn(builtIns.commands, name) ? builtIns.commands[name] : undefined;
  if (plugin === undefined) {
    const command = (await ownCommands[name]!()).default;
    if (name !== "help") return { name, command };
    const found = toHelpOf(argv.slice(1), command, builtIns);
    if (found.describes === undefined) return found;
    const pages = await listPages();
    return pages.includes(argv[1] ?? "") ? { name, command } : { ...found, pages };
  }
  const load = (await builtIns.plugins[plugin]!()).default.commands![name]!;
  return { name, plugin, command: (await load()).default };
}

/** Lists the pages of help that are in the program, and so are shown without a configuration. */
async function listPages(): Promise<readonly string[]> {
  const { loadPages } = await import("../help/pages.ts");
  return [...helpWords, ...(await loadPages()).keys()];
}

/**
 * Returns the command `help` for a command line. What is not built in is described by the plugins of the
 * configuration that running it would read.
 */
export function toHelpOf(argv: readonly string[], command: Command, builtIns: BuiltIns): FoundCommand {
  const [word = "-"] = argv;
  const isBuiltIn = word.startsWith("-") || findKnownName(argv, builtIns) !== undefined || isFamily(word);
  return { name: "help", command, ...(!isBuiltIn && { describes: argv }) };
}

/** Loads a command of the plugins that `searchCommand` has found. */
export async function findPluginCommand(
  argv: readonly string[],
  commands: ReadonlyMap<string, CommandEntry>,
): Promise<FoundCommand> {
  const name = findName(argv, (words) => commands.has(words)) ?? argv[0] ?? "";
  const command = await loadCommand(name, commands);
  const plugin = commands.get(name)?.plugin;
  return { name, command, ...(plugin !== undefined && { plugin }) };
}

/**
 * Collects the program's own commands and those of the plugins. Throws `PLUGIN_INVALID` for a name that is
 * already used.
 */
export function collectCommands(plugins: readonly LoadedPlugin[]): ReadonlyMap<string, CommandEntry> {
  const collected = new Map<string, CommandEntry>(
    Object.entries(ownCommands).map(([name, load]) => [name, { load }]),
  );
  for (const { plugin } of plugins) {
    for (const [name, load] of Object.entries(plugin.commands ?? {})) {
      const [word = ""] = name.split(" ");
      const isReserved = Object.hasOwn(ownCommands, word) || isHelpWord(word);
      const other = isReserved ? undefined : collected.get(name)?.plugin;
      if (isReserved || other !== undefined) {
        throw new AgentError(
          "PLUGIN_INVALID",
          `plugin "${plugin.name}" adds command "${name}", which ${isReserved ? "signalman itself" : `plugin "${other}"`} already has`,
        );
      }
      collected.set(name, { plugin: plugin.name, load });
    }
  }
  return collected;
}

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

/** Whether commands of the program begin with this word, as `service install` does. */
function isFamily(word: string): boolean {
  return Object.keys(ownCommands).some((name) => name.startsWith(`${word} `));
}

function findKnownName(argv: readonly string[], builtIns: BuiltIns): string | undefined {
  const isKnown = (words: string) =>
    Object.hasOwn(ownCommands, words) || Object.hasOwn(builtIns.commands, words);
  return findName(argv, isKnown);
}
