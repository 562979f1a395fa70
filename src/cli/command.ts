import type { ArgDef, ArgsDef, CommandDef, ParsedArgs } from "citty";
import type { Program } from "./program.ts";

/** A subcommand, in citty's form. Its `run` gets the {@link Program} as `data`. */
export type Command<T extends ArgsDef = ArgsDef> = CommandDef<T>;

/** A command's own arguments, as citty declares them; a string with `list: true` may be given more than once. */
export type CommandArgs = Record<string, ArgDef & { readonly list?: boolean }>;

/** What `run` gets: citty's values, and an array (empty when not given) for each list. */
export type CommandValues<T extends CommandArgs> = ParsedArgs<Omit<T, ListKeys<T>>> & {
  readonly [K in ListKeys<T>]: readonly string[];
};

/** Types a subcommand. `args` are its own flags and positionals; the program's options are there without being named. */
export function defineCommand<const T extends CommandArgs>(command: {
  readonly meta: { readonly name: string; readonly description: string };
  readonly args?: T;
  run(context: { readonly args: CommandValues<T>; readonly program: Program }): void | Promise<void>;
}): Command {
  const declared: CommandArgs = command.args ?? {};
  return {
    meta: command.meta,
    args: declared,
    run: ({ args, data }) => {
      const values: Record<string, unknown> = args;
      for (const [name, arg] of Object.entries(declared)) {
        if (arg.list === true) values[name] = fromListArgument(args[name]);
      }
      return command.run({ args: args as CommandValues<T>, program: data as Program });
    },
  };
}

/** Loads a command when it is called: `() => import("./deploy.ts")`, its default export being the command. */
export type CommandLoader = () => Promise<{ readonly default: Command }>;

/** citty keeps the last of a repeated flag, so a list travels through it as one argument. */
export function toListArgument(values: readonly string[]): string {
  return JSON.stringify(values);
}

type ListKeys<T extends CommandArgs> = {
  [K in keyof T]: T[K] extends { readonly list: true } ? K : never;
}[keyof T];

function fromListArgument(value: unknown): string[] {
  return typeof value === "string" ? (JSON.parse(value) as string[]) : [];
}
