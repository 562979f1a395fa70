import { coreName } from "../../core/config/flags.ts";
import type { DeclaredOptions, Option } from "../../core/contracts/options.ts";
import { AgentError } from "../../core/errors.ts";
import { nearest } from "../../core/text/nearest.ts";
import { toOptionName } from "./command-page.ts";
import { describeDefault, describeExample, describeRange } from "./describe-option.ts";
import { type Entry, formatSection, formatText, type Layout } from "./layout.ts";

/**
 * Renders all options by owner, or those whose names or descriptions contain a text. Throws `USAGE_INVALID` when
 * none does.
 */
export function renderOptions(
  declared: readonly DeclaredOptions[],
  word: string | undefined,
  layout: Layout,
): string[] {
  const isMatch = (option: Option) => word === undefined || contains(option, word.toLowerCase());
  const sections = declared.flatMap(({ owner, options }) => {
    const title = owner.name === coreName ? "Options of the agent:" : `Options of plugin ${owner.name}:`;
    return formatSection(title, options.filter(isMatch).map(toEntry), layout);
  });
  if (sections.length === 0) throw toUnknown(word ?? "", declared);
  return [
    ...formatText(
      "On the command line --<name>, in the environment the variable, in the configuration file the key. Details: signalman help configuration",
      layout,
    ),
    ...sections,
  ];
}

function contains({ owner, key, name, variable = "", description }: Option, word: string): boolean {
  return [owner, key, name, variable, description].some((text) => text.toLowerCase().includes(word));
}

function toEntry(option: Option): Entry {
  const { key, variable, inFile, flag, description } = option;
  const range = describeRange(option);
  const example = describeExample(option);
  const facts = [
    variable,
    inFile && flag !== undefined ? `key: ${key}` : undefined,
    `default: ${describeDefault(option)}`,
    range && `range: ${range}`,
    example && `example: ${example}`,
  ];
  return { left: toOptionName(option), right: [description, facts.filter(Boolean).join("; ")] };
}

function toUnknown(word: string, declared: readonly DeclaredOptions[]): AgentError {
  const keys = declared.flatMap(({ options }) => options.map(({ key }) => key));
  const parts = nearest(word, new Set(keys.flatMap((key) => key.split("-"))));
  const ofParts = keys.filter((key) => key.split("-").some((part) => parts.includes(part)));
  const near = [...new Set([...nearest(word, keys), ...ofParts])].slice(0, 3);
  const hint = near.length === 0 ? "" : ` (nearest: ${near.join(", ")})`;
  return new AgentError("USAGE_INVALID", `no option matches "${word}"${hint}`);
}
