import type { Command, CommandArgs, CommandExample, Program } from "../../core/contracts/command.ts";
import type { DeclaredOptions, Option } from "../../core/contracts/options.ts";
import { loadCommand } from "../program/find-command.ts";
import { describeDefault, toPlaceholder } from "./describe-option.ts";
import { type Entry, formatSection, formatText, type Layout } from "./layout.ts";

/** The options by which a configuration file is found. */
const fileOptions = ["config-file", "config-env"];

/** Lines of a page. */
const mostLines = 80;
/** Options of each owner that are named when there is no room for all. */
const someNames = 6;
/** Characters of a default. */
const mostDefault = 100;

/** Renders the page of a command: purpose, usage, examples, its own options, and those of the configuration. */
export async function renderCommand(program: Program, name: string, layout: Layout): Promise<string[]> {
  const { commands } = program;
  const command = await loadCommand(name, commands);
  const { meta, args = {}, examples = [] } = command;
  const declared = Object.entries(args);
  const positionals = declared.filter(([, { type }]) => type === "positional");
  const switches = declared.filter(([, { type }]) => type !== "positional");
  const usage = positionals.map(([arg, { required, default: value }]) =>
    required === false || value !== undefined ? `[${arg}]` : `<${arg}>`,
  );
  const page = [
    ...formatText(meta.description, layout),
    "",
    ["Usage: signalman", name, ...usage, "[options]"].join(" "),
    ...formatExamples(examples, layout),
    ...(await renderFamily(program, name, layout)),
    ...formatSection(
      "Arguments:",
      positionals.map(([arg, { description = "" }]) => ({ left: arg, right: [description] })),
      layout,
    ),
    ...formatSection(`Options of ${name}:`, switches.map(toSwitchEntry), layout),
    ...renderOptions(program.declared, command, { plugin: commands.get(name)?.plugin, layout }),
  ];
  if (command.configuration === "none") return page;
  const render = (most?: number) => renderNames(program.declared, command, { layout, most });
  const end = formatText(
    "All options, with variable, key, range and example: signalman help options [word]",
    layout,
  );
  const room = mostLines - page.length - end.length - 1;
  const lists = command.namesOptions === true ? [render(), render(someNames)] : [];
  const names = lists.find(({ length }) => length <= room) ?? [];
  return [...page, ...names, "", ...end];
}

/** Lists the commands whose first word this is. */
export async function renderFamily({ commands }: Program, word: string, layout: Layout): Promise<string[]> {
  const names = [...commands.keys()].filter((name) => name.startsWith(`${word} `));
  const entries = names.map(async (name) => ({
    left: name,
    right: [(await loadCommand(name, commands)).meta.description],
  }));
  return formatSection("Commands:", await Promise.all(entries), layout);
}

function toSwitchEntry([name, arg]: [string, CommandArgs[string]]): Entry {
  const aliases = ["alias" in arg ? (arg.alias ?? []) : []].flat().filter((alias) => alias.length === 1);
  const choices = "options" in arg ? arg.options?.join("|") : undefined;
  const hint = arg.type === "boolean" ? "" : ` <${choices ?? arg.valueHint ?? "text"}>`;
  const notes = arg.default === undefined ? "" : ` (default: ${String(arg.default)})`;
  return {
    left: `${[...aliases.map((alias) => `-${alias}`), `--${name}`].join(", ")}${hint}`,
    right: [`${arg.description ?? ""}${notes}`],
  };
}

interface OptionsContext {
  /** The plugin of the command. */
  readonly plugin: string | undefined;
  readonly layout: Layout;
}

/** Describes the options that matter most in the command, and those of its plugin. */
function renderOptions(
  declared: readonly DeclaredOptions[],
  command: Command,
  { plugin, layout }: OptionsContext,
): string[] {
  // A command that reads no configuration file can still use the values of flags and variables, if it lists them.
  const isWithoutFile = command.configuration === "none";
  if (isWithoutFile && command.listedOptions === undefined) return [];
  const { listed, others } = selectOptions(declared, command);
  if (isWithoutFile)
    return formatSection("Options that it shares with start:", listed.map(toOptionEntry), layout);
  const own = others.filter(({ owner }) => owner === plugin);
  return [
    ...formatSection("Options of the configuration:", listed.map(toOptionEntry), layout),
    ...formatSection(`Options of plugin ${plugin}:`, own.map(toOptionEntry), layout),
  ];
}

/** Names the options that are not described, by owner: all, or `most` of each. */
function renderNames(
  declared: readonly DeclaredOptions[],
  command: Command,
  { layout, most = Infinity }: { readonly layout: Layout; readonly most?: number | undefined },
): string[] {
  const { others } = selectOptions(declared, command);
  const entries = declared.flatMap(({ owner }) => {
    const flags = others.flatMap((option) => (option.owner === owner.name ? (option.flag ?? []) : []));
    const more = flags.length - most;
    const names = more > 1 ? [...flags.slice(0, most), `and ${more} more`] : flags;
    return flags.length === 0 ? [] : [{ left: owner.name, right: [names.join(", ")] }];
  });
  return formatSection("Other options, by owner:", entries, layout, 20);
}

/** Splits the options that the command accepts. */
export function selectOptions(
  declared: readonly DeclaredOptions[],
  { configuration, listedOptions = fileOptions }: Command,
): { readonly listed: readonly Option[]; readonly others: readonly Option[] } {
  const refused = typeof configuration === "object" ? configuration.withoutFlags : [];
  const accepted = declared
    .flatMap(({ options }) => options)
    .filter(({ flag }) => flag === undefined || !refused.includes(flag));
  const listed = listedOptions.flatMap((key) => accepted.find((option) => option.key === key) ?? []);
  return { listed, others: accepted.filter((option) => !listed.includes(option)) };
}

function toOptionEntry(option: Option): Entry {
  const [sentence = ""] = option.description.replace(/\.$/, "").split(/\. /, 1);
  return {
    left: toOptionName(option),
    right: [`${sentence} (default: ${shorten(describeDefault(option))})`],
  };
}

/** `signalman help options` shows the whole text. */
function shorten(text: string): string {
  return text.length <= mostDefault ? text : `${text.slice(0, text.lastIndexOf(" ", mostDefault))} …`;
}

/** Shows examples with their purposes beside them, or above them where a line is too long for that. */
function formatExamples(examples: readonly CommandExample[], layout: Layout): string[] {
  if (examples.length === 0) return [];
  const width = Math.max(...examples.map(({ line }) => line.length));
  const fits = examples.every(({ purpose }) => width + purpose.length + 6 <= layout.columns);
  const lines = examples.flatMap(({ line, purpose }) =>
    fits
      ? [`  ${line.padEnd(width)}  # ${purpose}`]
      : [...formatText(`# ${purpose}`, layout, "  "), `  ${line}`],
  );
  return ["", layout.paint("1", "Examples:"), ...lines];
}

/** Returns an option as it is written: `--slots <number>`. */
export function toOptionName(option: Option): string {
  const { flag, key } = option;
  const placeholder = toPlaceholder(option);
  const name = flag === undefined ? key : `--${flag}`;
  return placeholder === "" ? name : `${name} ${placeholder}`;
}
