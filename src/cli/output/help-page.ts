import { coreName } from "../../core/config/flags.ts";
import type { CommandArgs, Program } from "../../core/contracts/command.ts";
import type { DeclaredOptions, Option } from "../../core/contracts/options.ts";
import { loadCommand } from "../program/find-command.ts";
import { type Entry, formatEntries, wrap } from "./columns.ts";
import { describeDefault, toPlaceholder } from "../help/describe-option.ts";

/**
 * Renders the page of a command; for an empty name, the page of the program. Both end with options, grouped
 * by owner.
 */
export async function renderHelp(program: Program, name: string): Promise<string> {
  const page = name === "" ? await renderOverview(program) : await renderCommand(program, name);
  return `${page.join("\n")}\n`;
}

async function renderOverview({ version, commands, plugins, declared }: Program): Promise<string[]> {
  const external = new Set(
    plugins.filter(({ origin }) => origin.kind !== "built-in").map(({ plugin }) => plugin.name),
  );
  const entries = [...commands].map(async ([name, { plugin }]): Promise<Entry> => {
    const { meta } = await loadCommand(name, commands);
    const isExternal = plugin !== undefined && external.has(plugin);
    return { left: name, right: [meta.description, ...(isExternal ? [`(of plugin ${plugin})`] : [])] };
  });
  return [
    `signalman ${version}: a CI job agent`,
    "",
    "Usage: signalman <command> [options]",
    "       signalman help <command>",
    "",
    "Commands:",
    ...formatEntries(await Promise.all(entries)),
    ...renderOptions(declared, [...fileOptions, "log-level", "log-format", "log-file-path", "state-dir"]),
  ];
}

async function renderCommand({ commands, declared: options }: Program, name: string): Promise<string[]> {
  const command = await loadCommand(name, commands);
  const { meta, args: declared = {}, configuration, listedOptions = fileOptions } = command;
  const args = Object.entries(declared);
  const positionals = args.filter(([, { type }]) => type === "positional");
  const switches = args.filter(([, { type }]) => type !== "positional");
  const usage = positionals.map(([arg, { required, default: value }]) =>
    required === false || value !== undefined ? `[${arg}]` : `<${arg}>`,
  );
  return [
    ["Usage: signalman", name, ...usage, "[options]"].join(" "),
    "",
    ...wrap(meta.description, 100),
    ...section(
      "Arguments:",
      positionals.map(([arg, { description = "" }]) => ({ left: arg, right: [description] })),
    ),
    ...section(`Options of ${name}:`, switches.map(toSwitchEntry)),
    ...(configuration === "none" ? [] : renderOptions(options, listedOptions, commands.get(name)?.plugin)),
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

/** The options by which a configuration file is found. */
const fileOptions = ["config-file", "config-env"];

/** Lists all options, or the listed ones and those of the plugin, followed by the command that shows all. */
function renderOptions(
  declared: readonly DeclaredOptions[],
  listed: "all" | readonly string[],
  plugin?: string,
): string[] {
  const sections = declared.flatMap(({ owner, options }) => {
    const isListed = ({ key }: Option) => listed === "all" || owner.name === plugin || listed.includes(key);
    const title = owner.name === coreName ? "Options of every command:" : `Options of plugin ${owner.name}:`;
    return section(title, options.filter(isListed).map(toOptionEntry));
  });
  return listed === "all"
    ? sections
    : [...sections, "", "All options of the agent and its plugins: signalman help start"];
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
