import type { ArgDef, ParsedArgs } from "citty";
import type { Host, OpenHostOptions, PluginEntry } from "./host.ts";
import type { JobSource } from "./job-source.ts";
import type { RootLogger } from "./logger.ts";
import type { DeclaredOptions, EffectiveConfig } from "./options.ts";

/**
 * Values that shells offer for an argument: paths of files or of directories, ids of the jobs whose logs are on this
 * host, names of its running agents, words that name a page of help, names of executors of built-in plugins. A list
 * has the values themselves.
 */
export type CompletedValue = "file" | "directory" | "job" | "agent" | "page" | "executor" | readonly string[];

/**
 * A command's own arguments, as citty declares them. A string with `list: true` may be given more than once. Without
 * `completes`, shells offer paths for the value hints `file`, `path` and `directory`.
 */
export type CommandArgs = Record<
  string,
  ArgDef & { readonly list?: boolean; readonly completes?: CompletedValue }
>;

/** The parsed arguments: citty's values, and an array (empty when not given) for each list. */
export type CommandValues<T extends CommandArgs> = ParsedArgs<Omit<T, ListKeys<T>>> & {
  readonly [K in ListKeys<T>]: readonly string[];
};

/**
 * The configuration that a command needs. `required`: it is not called when the configuration has faults.
 * `lenient`: it is called with the valid part, and `program.faults` lists the faults. `none`: no
 * configuration is read, from whatever directory it is called.
 */
export type ConfigurationNeed = "none" | "lenient" | "required";

/** The configuration of a command that reads no configuration file. */
export interface CommandConfiguration {
  /** The configuration in place of the file, with the same keys. Keys of plugins that are off are ignored. */
  readonly file: Readonly<Record<string, unknown>>;
  /** Options whose flags cannot be given. */
  readonly withoutFlags: readonly string[];
  /** Options whose environment variables are read. */
  readonly variables: readonly string[];
}

/**
 * Where a configuration file is searched for without `--config-file`. `directory`: in the working directory.
 * `host`: in `$CONFIGURATION_DIRECTORY` and `/etc/signalman`. `agent`: as `host`, then in the working
 * directory unless jobs can write there; files that other users may write are refused, scripts included.
 * `nowhere`: a file must be named.
 */
export type ConfigurationPlace = "directory" | "host" | "agent" | "nowhere";

/** Destination of the log. `stderr`: warnings only. `file`: also the log file. `all`: the log file and stdout. */
export type LogDestination = "stderr" | "file" | "all";

/** A section of the program's help page. */
export type CommandGroup = "run" | "operate" | "configure" | "extend" | "develop";

/** A call of a command, for its help page. */
export interface CommandExample {
  /** The line as a user types it, from the program's name on: `signalman run job.yaml --json`. */
  readonly line: string;
  /** What it does, in a few words: `print the events of the log`. */
  readonly purpose: string;
}

/** What a command declares. */
export interface CommandDefinition<T extends CommandArgs> {
  readonly meta: { readonly name: string; readonly description: string };
  /** Its own flags and positional arguments, besides the program's options. */
  readonly args?: T;
  /** Default: `required`. */
  readonly configuration?: ConfigurationNeed | CommandConfiguration;
  /** Default: `directory`. */
  readonly configurationPlace?: ConfigurationPlace;
  /** The section in which the program's help page lists a built-in command. */
  readonly group?: CommandGroup;
  /** Examples for its help page, the most frequent call first. */
  readonly examples?: readonly CommandExample[];
  /**
   * Keys of the options that its help page describes besides those of the command's plugin, the most important
   * first; ten at most. Default: those of the configuration file. A command without a configuration lists those that it
   * reads from flags and variables.
   */
  readonly listedOptions?: readonly string[];
  /** Whether its help page names all other options as well, since they have an effect in it. Default: `false`. */
  readonly namesOptions?: boolean;
  /** Whether the command reports the faults of a lenient configuration itself, so that no warning is printed first. */
  readonly reportsFaults?: boolean;
  /** Whether `program.environments` has the environments that are not selected, whose faults count as well. */
  readonly checksEnvironments?: boolean;
  /** Default: `file`. */
  readonly log?: LogDestination;
  /** Exit status when the configuration is refused. Default: 2. */
  readonly refusedStatus?: number;
  /** Whether what plugins write to stdout goes to stderr. */
  readonly reservesStdout?: boolean;
  /** Exit status of every error until the command sets `process.exitCode`. Left out: it depends on the error. */
  readonly initialStatus?: number;
  run(context: { readonly args: CommandValues<T>; readonly program: Program }): void | Promise<void>;
}

/** A subcommand of the program, whatever its arguments are. */
export interface Command extends Omit<CommandDefinition<CommandArgs>, "run"> {
  run(context: { readonly args: never; readonly program: Program }): void | Promise<void>;
}

/** Types a subcommand. Returns its argument. */
export function defineCommand<const T extends CommandArgs>(command: CommandDefinition<T>): Command {
  return command;
}

/** Loads a command when it is called: `() => import("./deploy.ts")`, whose default export is the command. */
export type CommandLoader = () => Promise<{ readonly default: Command }>;

/** A command that can be called. */
export interface CommandEntry {
  /** The plugin that adds it; left out for the program's own commands. */
  readonly plugin?: string;
  readonly load: CommandLoader;
}

/** The program as a command sees it: the configuration is resolved, and no plugin is set up. */
export interface Program {
  readonly version: string;
  readonly logger: RootLogger;
  readonly config: EffectiveConfig;
  /** The plugins in the order in which their hooks are called. */
  readonly plugins: readonly PluginEntry[];
  /** Every option by owner: the core's first, then those of the plugins in their order. */
  readonly declared: readonly DeclaredOptions[];
  /** Every command by name: the program's own first, then those of the plugins. */
  readonly commands: ReadonlyMap<string, CommandEntry>;
  /** Every text that was given for a secret option. The agent's log masks them, and job logs must mask them too. */
  readonly secrets: readonly string[];
  /** Faults of the configuration. Empty unless the command's `configuration` is `lenient`. */
  readonly faults: readonly string[];
  /** The program with each environment of the configuration file that is not selected: see `checksEnvironments`. */
  readonly environments: ReadonlyMap<string, Program>;
  /** Sets the plugins up. The command disposes the host. */
  openHost(options: OpenHostOptions): Promise<Host>;
  /** Runs an agent until it shuts down, and sets the exit status: `start` with another job source. */
  runAgent(slots: number, createSource: (host: Host) => JobSource): Promise<void>;
}

type ListKeys<T extends CommandArgs> = {
  [K in keyof T]: T[K] extends { readonly list: true } ? K : never;
}[keyof T];
