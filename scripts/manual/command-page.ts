import { selectOptions } from "../../src/cli/help/command-page.ts";
import { describeDefault, toPlaceholder } from "../../src/cli/help/describe-option.ts";
import type { Command, CommandArgs } from "../../src/core/contracts/command.ts";
import type { DeclaredOptions, Option } from "../../src/core/contracts/options.ts";
import { macro, quote, toLiteral, toProse } from "./mdoc.ts";

export interface DescribedCommand {
  readonly name: string;
  /** The plugin that adds it. */
  readonly plugin: string | undefined;
  readonly command: Command;
}

/** Returns the name of a command's page: `signalman-config-check`. */
export function toPageName(name: string): string {
  return `signalman-${name.replaceAll(" ", "-")}`;
}

/** Renders the page of a command, without the lines that all pages begin with. */
export function renderCommandPage(
  { name, plugin, command }: DescribedCommand,
  declared: readonly DeclaredOptions[],
  related: readonly string[],
): string[] {
  const { meta, args = {}, examples = [] } = command;
  const positionals = Object.entries(args).filter(([, { type }]) => type === "positional");
  const switches = Object.entries(args).filter(([, { type }]) => type !== "positional");
  const options = listOptions(command, plugin, declared);
  return [
    ".Sh NAME",
    macro("Nm", toPageName(name)),
    macro("Nd", meta.description),
    ".Sh SYNOPSIS",
    macro("Nm", "signalman"),
    macro("Cm", name),
    ...positionals.map(toPositional),
    ".Op Ar options",
    ".Sh DESCRIPTION",
    ...toProse(`${capitalize(meta.description)}.`),
    ...toList(
      "The arguments are as follows:",
      positionals.map(([arg, { description = "" }]) => ({ head: `Ar ${quote(arg)}`, text: description })),
    ),
    ...toList("The options are as follows:", switches.map(toSwitch)),
    ...toList(
      "Of the options in\n.Xr signalman.yaml 5 ,\nthese concern the command most:",
      options.map(toOption),
    ),
    ...(command.namesOptions === true ? [".Pp", "All others can be given as flags, too."] : []),
    ...toExamples(examples),
    ".Sh SEE ALSO",
    ...toReferences(related),
  ];
}

/** Renders references to pages of section 1, and to the page of the configuration. */
export function toReferences(pages: readonly string[]): string[] {
  return [...pages.toSorted().map((page) => `.Xr ${page} 1 ,`), ".Xr signalman.yaml 5"];
}

/** Renders a list of terms with a sentence above it; nothing for an empty list. */
export function toList(
  introduction: string,
  items: readonly { readonly head: string; readonly text: string }[],
): string[] {
  if (items.length === 0) return [];
  return [
    ".Pp",
    introduction,
    ".Bl -tag -width Ds",
    ...items.flatMap(({ head, text }) => [`.It ${head}`, ...toProse(toSentence(text))]),
    ".El",
  ];
}

function toPositional([arg, { required, default: value }]: [string, CommandArgs[string]]): string {
  return required === false || value !== undefined ? `.Op Ar ${quote(arg)}` : `.Ar ${quote(arg)}`;
}

function toSwitch([name, arg]: [string, CommandArgs[string]]): { head: string; text: string } {
  const aliases = ["alias" in arg ? (arg.alias ?? []) : []].flat().filter((alias) => alias.length === 1);
  const choices = "options" in arg ? arg.options?.join("|") : undefined;
  const value = arg.type === "boolean" ? "" : ` Ar ${quote(choices ?? arg.valueHint ?? "text")}`;
  const flags = [...aliases.map((alias) => `Fl ${quote(alias)}`), `Fl ${quote(`-${name}`)}`];
  const note = arg.default === undefined ? "" : ` The default is \`${String(arg.default)}\`.`;
  return { head: `${flags.join(" , ")}${value}`, text: `${toSentence(arg.description ?? "")}${note}` };
}

function listOptions(
  command: Command,
  plugin: string | undefined,
  declared: readonly DeclaredOptions[],
): readonly Option[] {
  if (command.configuration === "none") return [];
  const { listed, others } = selectOptions(declared, command);
  return [...listed, ...others.filter(({ owner }) => owner === plugin)].filter(
    ({ flag }) => flag !== undefined,
  );
}

function toOption(option: Option): { head: string; text: string } {
  const placeholder = toPlaceholder(option).replaceAll(/^<|>$/g, "");
  return {
    head: `Fl ${quote(`-${option.flag}`)}${placeholder === "" ? "" : ` Ar ${quote(placeholder)}`}`,
    text: `${toSentence(option.description)} The default is \`${describeDefault(option)}\`.`,
  };
}

function toExamples(examples: NonNullable<Command["examples"]>): string[] {
  if (examples.length === 0) return [];
  return [
    ".Sh EXAMPLES",
    ...examples.flatMap(({ line, purpose }, index) => [
      ...(index === 0 ? [] : [".Pp"]),
      ...toProse(`${capitalize(purpose)}:`),
      ...toLiteral([line]),
    ]),
  ];
}

export function capitalize(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

export function toSentence(text: string): string {
  return text === "" ? "" : `${capitalize(text).replace(/\.$/, "")}.`;
}
