import type { DeclaredOptions, Option } from "../config/flags.ts";
import { coreName } from "../config/flags.ts";
import { describeDefault, toPlaceholder } from "./describe.ts";
import { type Command, type CommandArgs, defineCommand } from "./command.ts";
import { collectPluginCommands, commands, loadPluginCommand } from "./commands.ts";
import { type Entry, formatEntries, wrap } from "./columns.ts";
import type { Program } from "./program.ts";

export default defineCommand({
  meta: { name: "help", description: "show what a command takes" },
  args: {
    command: { type: "positional", description: "the command", required: false },
    subcommand: { type: "positional", description: "its second word", required: false },
  },
  async run({ args, program }) {
    const words = [args.command, args.subcommand].filter((word) => word !== undefined);
    process.stdout.write(await renderHelp(program, words));
  },
});

/** The page of a command, or without words the page of the program. Options stand on both, grouped by who owns them. */
export async function renderHelp(program: Program, words: readonly string[]): Promise<string> {
  const name = words.join(" ");
  const page = words.length === 0 ? await renderOverview(program) : await renderCommand(program, name);
  return `${[...page, ...program.declared.flatMap(renderOptions)].join("\n")}\n`;
}

async function renderOverview(program: Program): Promise<string[]> {
  const ours = Object.entries(commands).map(async ([name, { load }]) =>
    toEntry(name, (await load()).default),
  );
  const theirs = [...collectPluginCommands(program.plugins)].map(async ([name, { plugin }]) => {
    const { left, right } = await toEntry(name, await loadPluginCommand(name, program.plugins));
    return { left, right: [...right, `(of plugin ${plugin})`] };
  });
  return [
    `signalman ${program.version}: runs CI jobs`,
    "",
    "Usage: signalman <command> [options]",
    "",
    "Commands:",
    ...formatEntries(await Promise.all([...ours, ...theirs])),
  ];
}

async function toEntry(name: string, command: Command): Promise<Entry> {
  return { left: name, right: [(await resolveLazy(command.meta))?.description ?? ""] };
}

async function renderCommand(program: Program, name: string): Promise<string[]> {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const command =
    entry === undefined ? await loadPluginCommand(name, program.plugins) : (await entry.load()).default;
  const args = Object.entries(((await resolveLazy(command.args)) ?? {}) as CommandArgs);
  const positionals = args.filter(([, { type }]) => type === "positional");
  const switches = args.filter(([, { type }]) => type !== "positional");
  const usage = positionals.map(([arg, { required, default: value }]) =>
    required === false || value !== undefined ? `[${arg}]` : `<${arg}>`,
  );
  return [
    ["Usage: signalman", name, ...usage, "[options]"].join(" "),
    "",
    ...wrap((await resolveLazy(command.meta))?.description ?? "", 100),
    ...section(
      "Arguments:",
      positionals.map(([arg, { description = "" }]) => ({ left: arg, right: [description] })),
    ),
    ...section(`Options of ${name}:`, switches.map(toSwitchEntry)),
  ];
}

function toSwitchEntry([name, arg]: [string, CommandArgs[string]]): Entry {
  const aliases = ["alias" in arg ? (arg.alias ?? []) : []].flat().filter((alias) => alias.length === 1);
  const choices = "options" in arg ? arg.options?.join("|") : undefined;
  const hint = arg.type === "boolean" ? "" : ` <${choices ?? arg.valueHint ?? "text"}>`;
  const notes = arg.default === undefined ? [] : [`default: ${String(arg.default)}`];
  return {
    left: `${[...aliases.map((alias) => `-${alias}`), `--${name}`].join(", ")}${hint}`,
    right: [arg.description ?? "", ...notes],
  };
}

function renderOptions({ owner, options }: DeclaredOptions): string[] {
  const title = owner.name === coreName ? "Options of every command:" : `Options of plugin ${owner.name}:`;
  return section(title, options.map(toOptionEntry));
}

function toOptionEntry(option: Option): Entry {
  const { flag, key, variable, description } = option;
  const placeholder = toPlaceholder(option);
  const name = flag === undefined ? key : `--${flag}`;
  return {
    left: placeholder === "" ? name : `${name} ${placeholder}`,
    right: [description, [variable, `default: ${describeDefault(option)}`].filter(Boolean).join(", ")],
  };
}

function section(title: string, entries: readonly Entry[]): string[] {
  return entries.length === 0 ? [] : ["", title, ...formatEntries(entries)];
}

async function resolveLazy<T>(value: T | Promise<T> | (() => T | Promise<T>)): Promise<T> {
  return typeof value === "function" ? (value as () => T | Promise<T>)() : value;
}
