import type { OptionSource, DeclaredOptions, Option } from "../contracts/options.ts";
import { type Given, type Conversion, fromFile, fromFlag, fromVariable } from "./values.ts";
import type { ConfigFile, ConfigLayer } from "./file.ts";
import type { PluginPart } from "./plugins.ts";
import { toConversionFault } from "./faults.ts";
import { coreName } from "./flags.ts";
import { toHint } from "../text/nearest.ts";

/** Everything from which options get their values. */
export interface OptionSources {
  readonly declared: readonly DeclaredOptions[];
  /** The values of each flag, in the order in which they were given. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file: ConfigFile | undefined;
  /** The sections of each plugin in the `plugins:` maps. */
  readonly parts: ReadonlyMap<string, readonly PluginPart[]>;
  /** Explains an unknown flat key, if possible: ` (…)`. */
  explainUnknown(key: string): Promise<string>;
}

export interface Collected {
  readonly given: ReadonlyMap<Option, Given>;
  readonly faults: string[];
  /** Whether the value of a flag is of the wrong type: an error of usage, not of the configuration. */
  readonly isUsage: boolean;
  readonly secrets: readonly string[];
}

/** Collects the value that was set for each option, converted to its type. Unknown keys are faults. */
export async function collectGiven(options: OptionSources): Promise<Collected> {
  const { declared, flags, file, parts } = options;
  // A lookup in `process.env` takes ten times as long as in a copy.
  const env = { ...options.env };
  const given = new Map<Option, Given>();
  const faults: string[] = [];
  const secrets: string[] = [];
  let isUsage = false;
  const offer = (option: Option, raw: unknown, source: OptionSource, convert: () => Conversion): void => {
    if (option.secret) secrets.push(...toTexts(raw));
    if (given.has(option)) return;
    const conversion = convert();
    if ("value" in conversion) given.set(option, { value: conversion.value, source });
    else {
      given.set(option, { value: undefined, source });
      faults.push(toConversionFault(option, source, conversion.expected, raw));
      isUsage ||= source.kind === "flag";
    }
  };

  for (const option of declared.flatMap((declaration) => declaration.options)) {
    const { flag, variable, type } = option;
    const texts = flag === undefined ? undefined : flags.get(flag);
    if (texts !== undefined) {
      offer(option, texts, { kind: "flag", name: `--${flag}` }, () => fromFlag(type, texts));
    }
    const text = variable === undefined ? "" : (env[variable] ?? "");
    if (text !== "") {
      offer(option, text, { kind: "environment", name: variable! }, () => fromVariable(type, text));
    }
  }
  const keyed = file === undefined ? new Map<string, Option>() : collectKeys(declared);
  for (const layer of file?.layers ?? []) {
    const here = new Map<Option, string>();
    const offerEntry = (option: Option, raw: unknown, name: string): void => {
      const other = here.get(option);
      here.set(option, name);
      if (other !== undefined) faults.push(`${option.key} is given twice: ${other} and ${name}`);
      else if (raw !== null && raw !== undefined) {
        offer(option, raw, { kind: "file", name }, () => fromFile(option.type, raw));
      }
    };
    for (const [key, raw] of Object.entries(layer.values)) {
      if (key.toLowerCase() === "plugins") continue;
      const option = keyed.get(key.toLowerCase());
      if (option === undefined) faults.push(...(await refuseKey(layer, key, raw, keyed, options)));
      else offerEntry(option, raw, layer.sourceOf([key]));
    }
    for (const declaration of declared) {
      const own = parts.get(declaration.owner.name)?.filter((part) => part.layer === layer) ?? [];
      for (const part of own) offerPart(declaration, part, offerEntry, faults);
    }
  }
  return { given, faults, isUsage, secrets };
}

function collectKeys(declared: readonly DeclaredOptions[]): ReadonlyMap<string, Option> {
  const options = declared.flatMap((declaration) => declaration.options);
  return new Map(
    options.filter(({ inFile }) => inFile).flatMap((option) => (option.flag ? [[option.flag, option]] : [])),
  );
}

/** Returns the reference's sentence for each unknown key, nested ones with dots (protocol section 8.2). */
async function refuseKey(
  layer: ConfigLayer,
  key: string,
  raw: unknown,
  keyed: ReadonlyMap<string, Option>,
  { explainUnknown }: OptionSources,
): Promise<string[]> {
  const why =
    (await explainUnknown(key.toLowerCase())) || toHint(key, [...keyed.keys(), "plugins", "extends"]);
  return toLeaves([key], raw).map(
    (path) => `Unrecognized option '${path.join(".")}'. Exiting... (${layer.sourceOf(path)})${why}`,
  );
}

function offerPart(
  { owner, options, schema }: DeclaredOptions,
  part: PluginPart,
  offerEntry: (option: Option, raw: unknown, name: string) => void,
  faults: string[],
): void {
  if (owner.name === coreName) return;
  for (const [key, raw] of Object.entries(part.values)) {
    const option = options.find(({ name }) => name === key);
    const name = part.sourceOf(key);
    if (option !== undefined) offerEntry(option, raw, name);
    else if (schema?.properties !== undefined) {
      const known = options.map((known) => known.name);
      const hint = known.length > 0 ? toHint(key, known) : " (it has no options)";
      faults.push(`plugins.${owner.name}.${key} (${name}): plugin "${owner.name}" has no such option${hint}`);
    }
  }
}

function toLeaves(path: readonly string[], value: unknown): (readonly string[])[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  const entries = Object.entries(value);
  return entries.length === 0 ? [path] : entries.flatMap(([key, nested]) => toLeaves([...path, key], nested));
}

/** Returns every text in a value. */
function toTexts(value: unknown): string[] {
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(toTexts);
  return value === undefined || value === null || typeof value === "boolean" ? [] : [String(value)];
}
