import type { Command, CommandArgs, CommandEntry, CompletedValue } from "../../core/contracts/command.ts";
import type { DeclaredOptions, Option } from "../../core/contracts/options.ts";
import { selectOptions } from "../help/command-page.ts";
import { loadCommand } from "../program/find-command.ts";

/** All commands and flags of the program, as JSON. A build embeds those that are built in. */
export interface Declarations {
  readonly commands: readonly DeclaredCommand[];
  /** The flags of options, which every command accepts. */
  readonly flags: readonly DeclaredFlag[];
  /** Names of executors. */
  readonly executors: readonly string[];
  /** The pages of help that are not about a command: the first word of each → its second words. */
  readonly pages: Readonly<Record<string, readonly string[]>>;
}

export interface DeclaredCommand {
  readonly name: string;
  readonly description: string;
  readonly positionals: readonly DeclaredValue[];
  /** The command's own flags. */
  readonly flags: readonly DeclaredFlag[];
  /** Names of the options on its help page. */
  readonly options: readonly string[];
}

export interface DeclaredFlag extends DeclaredValue {
  /** Without dashes. */
  readonly name: string;
  readonly short?: string;
  readonly description: string;
  readonly isBoolean: boolean;
  /** Whether it may be given more than once. */
  readonly isList: boolean;
}

/** What is known of a value. */
export interface DeclaredValue {
  readonly completes?: CompletedValue;
}

export interface DescribeOptions {
  readonly commands: ReadonlyMap<string, CommandEntry>;
  readonly declared: readonly DeclaredOptions[];
  readonly executors: readonly string[];
  readonly pages: Declarations["pages"];
}

/** Loads all commands, and describes them and all options. */
export async function describeProgram(options: DescribeOptions): Promise<Declarations> {
  const { commands, declared, executors, pages } = options;
  const all = declared.flatMap((owner) => owner.options);
  const describe = async (name: string, plugin: string | undefined): Promise<DeclaredCommand> => {
    const command = await loadCommand(name, commands);
    const args = Object.entries(command.args ?? {});
    return {
      name,
      description: command.meta.description,
      positionals: args.flatMap(([, arg]) => (arg.type === "positional" ? [toValue(arg)] : [])),
      flags: args.flatMap(([arg, declaration]) =>
        declaration.type === "positional" ? [] : [toFlag(arg, declaration)],
      ),
      options: listOptions(declared, command, plugin).flatMap(({ flag }) => flag ?? []),
    };
  };
  return {
    commands: await Promise.all([...commands].map(([name, { plugin }]) => describe(name, plugin))),
    flags: all.flatMap((option) => toOptionFlag(option) ?? []),
    executors,
    pages,
  };
}

/** Lists the options on the help page of a command. */
function listOptions(
  declared: readonly DeclaredOptions[],
  command: Command,
  plugin: string | undefined,
): readonly Option[] {
  if (command.configuration === "none") return [];
  const { listed, others } = selectOptions(declared, command);
  return [...listed, ...others.filter(({ owner }) => command.namesOptions === true || owner === plugin)];
}

function toFlag(name: string, arg: CommandArgs[string]): DeclaredFlag {
  const short = ["alias" in arg ? (arg.alias ?? []) : []].flat().find((alias) => alias.length === 1);
  return {
    name,
    ...(short !== undefined && { short }),
    description: arg.description ?? "",
    isBoolean: arg.type === "boolean",
    isList: arg.list === true,
    ...toValue(arg),
  };
}

function toOptionFlag({ flag, description, type, choices, hint }: Option): DeclaredFlag | undefined {
  if (flag === undefined) return undefined;
  return {
    name: flag,
    description,
    isBoolean: type.kind === "boolean",
    isList: type.kind === "list" || type.kind === "map",
    ...(choices === undefined ? toPath(hint) : { completes: choices.map(String) }),
  };
}

function toValue(arg: CommandArgs[string]): DeclaredValue {
  if ("options" in arg && arg.options !== undefined) return { completes: arg.options };
  return arg.completes === undefined ? toPath(arg.valueHint) : { completes: arg.completes };
}

function toPath(hint: string | undefined): DeclaredValue {
  if (hint === "file" || hint === "path") return { completes: "file" };
  return hint === "directory" ? { completes: "directory" } : {};
}
