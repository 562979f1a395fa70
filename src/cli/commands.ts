import { AgentError } from "../errors.ts";
import type { LoadedPlugin } from "../host/loader.ts";
import { toHint } from "../nearest.ts";
import type { Command, CommandLoader } from "./command.ts";
import type { LogDestination } from "./log.ts";

export interface CommandEntry {
  readonly load: CommandLoader;
  readonly log: LogDestination;
  readonly isLenient?: boolean | "silent";
  /** The exit status when the configuration is refused; 2 unless a protocol says otherwise. */
  readonly refusal?: number;
}

/** Our own commands, by the words that call them. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  // A configuration that is refused is exit status 1 here (protocol section 8.7).
  start: { load: () => import("./start.ts"), log: "all", refusal: 1 },
  run: { load: () => import("./run.ts"), log: "file" },
  // A job calls it, wherever it stands and whatever configuration lies there.
  redact: { load: () => import("./redact.ts"), log: "stderr", isLenient: true },
  logs: { load: () => import("./logs.ts"), log: "stderr" },
  status: { load: () => import("./status.ts"), log: "stderr" },
  doctor: { load: () => import("./doctor.ts"), log: "stderr", isLenient: "silent" },
  config: { load: () => import("./config.ts"), log: "stderr" },
  "config check": { load: () => import("./config-check.ts"), log: "stderr" },
  "config migrate": { load: () => import("./config-migrate.ts"), log: "stderr", isLenient: "silent" },
  "config schema": { load: () => import("./config-schema.ts"), log: "stderr", isLenient: true },
  plugins: { load: () => import("./plugins.ts"), log: "stderr" },
  "plugins new": { load: () => import("./plugins-new.ts"), log: "stderr", isLenient: true },
  "plugins test": { load: () => import("./plugins-test.ts"), log: "stderr", isLenient: true },
  help: { load: () => import("./help.ts"), log: "stderr", isLenient: true },
  version: { load: () => import("./version.ts"), log: "stderr", isLenient: true },
};

/** Which of our commands `argv` calls: the longest name that it begins with. */
export function findCommand(argv: readonly string[]): { name: string; entry: CommandEntry } | undefined {
  for (const length of [2, 1]) {
    const name = argv.slice(0, length).join(" ");
    const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (entry !== undefined && argv.length >= length) return { name, entry };
  }
  return undefined;
}

export interface PluginCommand {
  readonly plugin: string;
  readonly load: CommandLoader;
}

/** The commands of all plugins. Throws `PLUGIN_INVALID` for a name that is taken. */
export function collectPluginCommands(plugins: readonly LoadedPlugin[]): ReadonlyMap<string, PluginCommand> {
  const collected = new Map<string, PluginCommand>();
  for (const { plugin } of plugins) {
    for (const [name, load] of Object.entries(plugin.commands ?? {})) {
      const [word = ""] = name.split(" ");
      const isOurs = Object.hasOwn(commands, name) || Object.hasOwn(commands, word);
      const owner = isOurs ? "signalman itself" : collected.get(name)?.plugin;
      if (owner !== undefined) {
        const other = owner === "signalman itself" ? owner : `plugin "${owner}"`;
        throw new AgentError(
          "PLUGIN_INVALID",
          `plugin "${plugin.name}" adds the command "${name}", which ${other} has`,
        );
      }
      collected.set(name, { plugin: plugin.name, load });
    }
  }
  return collected;
}

/** Which command of a plugin `argv` calls: the longest name that it begins with; its first word when there is none. */
export function findPluginCommand(argv: readonly string[], plugins: readonly LoadedPlugin[]): string {
  const two = argv.slice(0, 2).join(" ");
  return argv.length > 1 && collectPluginCommands(plugins).has(two) ? two : (argv[0] ?? "");
}

/** Loads a plugin's command. Throws `USAGE_INVALID` when nobody has it. */
export async function loadPluginCommand(name: string, plugins: readonly LoadedPlugin[]): Promise<Command> {
  const theirs = collectPluginCommands(plugins);
  const found = theirs.get(name);
  if (found === undefined) {
    const known = [...Object.keys(commands), ...theirs.keys()];
    throw new AgentError("USAGE_INVALID", `unknown command "${name}"${toHint(name, known)}`);
  }
  const command = (await found.load()).default as Command | undefined;
  if (typeof command?.run === "function") return command;
  const wanted = "wanted: export default defineCommand({ meta, run })";
  throw new AgentError(
    "PLUGIN_INVALID",
    `command "${name}" of plugin "${found.plugin}" is no command (${wanted})`,
  );
}
