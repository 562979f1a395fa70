import type { ArgsDef, CommandDef, ParsedArgs } from "citty";
import type { Program } from "./program.ts";

/** A subcommand, in citty's form. Its `run` gets the {@link Program} as `data`. */
export type Command<T extends ArgsDef = ArgsDef> = CommandDef<T>;

/** Types a subcommand. `args` are its own flags and positionals, declared as citty declares them. */
export function defineCommand<const T extends ArgsDef>(command: {
  readonly meta: { readonly name: string; readonly description: string };
  readonly args?: T;
  run(context: { readonly args: ParsedArgs<T>; readonly program: Program }): void | Promise<void>;
}): Command<T> {
  return {
    meta: command.meta,
    ...(command.args === undefined ? {} : { args: command.args }),
    run: ({ args, data }) => command.run({ args, program: data as Program }),
  };
}

/** Loads a command when it is called: `() => import("./deploy.ts")`, its default export being the command. */
export type CommandLoader = () => Promise<{ readonly default: Command }>;
