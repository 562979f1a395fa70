import type { ArgDef, ParsedArgs } from "citty";
import type { Program } from "./program.ts";

/** A command's own arguments, as citty declares them; a string with `list: true` may be given more than once. */
export type CommandArgs = Record<string, ArgDef & { readonly list?: boolean }>;

/** The parsed arguments: citty's values, and an array (empty when not given) for each list. */
export type CommandValues<T extends CommandArgs> = ParsedArgs<Omit<T, ListKeys<T>>> & {
  readonly [K in ListKeys<T>]: readonly string[];
};

/**
 * The configuration that a command needs. `required`: it is not called when the configuration has faults. `lenient`: it is called with the
 * valid part, and `program.faults` lists the faults. `none`: no configuration is read, from whatever directory it is called.
 */
export type ConfigurationNeed = "none" | "lenient" | "required";

/** Destination of the agent's log. `stderr`: warnings only, for commands that print an answer. `file`: also the log file. `all`: the log file and stdout. */
export type LogDestination = "stderr" | "file" | "all";

/** What a command declares. */
export interface CommandDefinition<T extends CommandArgs> {
  readonly meta: { readonly name: string; readonly description: string };
  /** Its own flags and positional arguments, besides the program's options. */
  readonly args?: T;
  /** Default: `required`. */
  readonly configuration?: ConfigurationNeed;
  /** Whether the command reports the faults of a lenient configuration itself, so that no warning is printed first. */
  readonly reportsFaults?: boolean;
  /** Default: `file`. */
  readonly log?: LogDestination;
  /** Exit status when the configuration is refused. Default: 2. */
  readonly refusedStatus?: number;
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

type ListKeys<T extends CommandArgs> = {
  [K in keyof T]: T[K] extends { readonly list: true } ? K : never;
}[keyof T];
