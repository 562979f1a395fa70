import { parseArgs } from "node:util";
import { AgentError } from "../errors.ts";
import type { Option } from "../contracts/options.ts";
import { nearest, toHint } from "../text/nearest.ts";
import { parseBoolean } from "./values.ts";
import type { CommandArgs } from "../contracts/command.ts";

export interface Arguments {
  /** The values of each option's flag, in the order in which they were given. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** The command's own arguments by name, as its `run` receives them. */
  readonly args: Readonly<Record<string, unknown>>;
}

export interface ParseArgumentsOptions {
  /** Name of the command, for messages: `run`. */
  readonly command: string;
  readonly args: CommandArgs;
  readonly options: readonly Option[];
  /** Explains an unknown flag, if possible: ` (…)`. */
  explainUnknown(flag: string): Promise<string>;
}

/**
 * Parses the arguments after the command's name: the command's own, and options. Both are written `--x v` or
 * `--x=v`, booleans `--x` or `--x=false`. The prefix `no-` has no special meaning. Throws `USAGE_INVALID`.
 */
export async function parseArguments(
  argv: readonly string[],
  declaration: ParseArgumentsOptions,
): Promise<Arguments> {
  const switches = collectSwitches(declaration);
  const config: Record<string, { type: "boolean" | "string"; short?: string }> = {};
  for (const { name, isBoolean, short } of switches.values()) {
    config[name] = { type: isBoolean ? "boolean" : "string", ...(short !== undefined && { short }) };
  }
  const { tokens } = parseArgs({
    args: [...argv],
    options: config,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });

  const values = new Map<Switch, string[]>();
  const positionals: Positional[] = [];
  let isQuoted = false;
  for (const token of tokens) {
    if (token.kind === "option-terminator") isQuoted = true;
    else if (token.kind === "positional") positionals.push({ value: token.value, isQuoted });
    else {
      const found = switches.get(token.name);
      if (found === undefined || !hasRightDashes(token.rawName, found)) {
        const why = (await declaration.explainUnknown(token.name)) || hint(token.name, switches);
        throw usage(`unknown flag "${token.rawName}"${why}`);
      }
      const text = toText(found, token, switches);
      values.set(found, [...(values.get(found) ?? []), text]);
    }
  }
  return {
    options: new Map(
      [...values].filter(([{ arg }]) => arg === undefined).map(([{ name }, texts]) => [name, texts]),
    ),
    args: toValues(declaration, values, positionals),
  };
}

/** Reads flags before the other flags are known. The last text of each counts; a boolean without a value is "true". */
export function peekFlags(
  argv: readonly string[],
  types: Readonly<Record<string, "string" | "boolean">>,
): ReadonlyMap<string, string> {
  const options = Object.fromEntries(Object.entries(types).map(([name, type]) => [name, { type }] as const));
  const { values } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true });
  return new Map(
    Object.entries(types).flatMap(([name, type]) => {
      const value = type === "boolean" && values[name] === true ? "true" : values[name];
      return typeof value === "string" ? [[name, value]] : [];
    }),
  );
}

interface Positional {
  readonly value: string;
  /** Whether it stands after `--`. */
  readonly isQuoted: boolean;
}

/** A flag: the command's own if it has an `arg`, otherwise that of an option. */
interface Switch {
  readonly name: string;
  readonly isBoolean: boolean;
  readonly short: string | undefined;
  readonly arg: CommandArgs[string] | undefined;
}

type OptionToken = Extract<NonNullable<ReturnType<typeof parseArgs>["tokens"]>[number], { kind: "option" }>;

function collectSwitches({ command, args, options }: ParseArgumentsOptions): Map<string, Switch> {
  const switches = new Map<string, Switch>();
  for (const { flag, type } of options) {
    if (flag === undefined) continue;
    switches.set(flag, { name: flag, isBoolean: type.kind === "boolean", short: undefined, arg: undefined });
  }
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type === "positional") continue;
    if (switches.has(name) || name.startsWith("no-")) {
      const why = switches.has(name) ? "an option has this flag" : "names of flags must not begin with no-";
      throw new AgentError("PLUGIN_INVALID", `command "${command}" cannot declare "--${name}": ${why}`);
    }
    const short = ["alias" in arg ? arg.alias : undefined].flat().find((alias) => alias?.length === 1);
    switches.set(name, { name, isBoolean: arg.type === "boolean", short, arg });
  }
  return switches;
}

/** Whether a flag has the right number of dashes: `-env` is not `--env`. */
function hasRightDashes(rawName: string, { short }: Switch): boolean {
  return rawName.startsWith("--") || rawName === `-${short}`;
}

function toText(found: Switch, token: OptionToken, switches: ReadonlyMap<string, Switch>): string {
  const { name, isBoolean, arg } = found;
  const { value } = token;
  if (isBoolean) {
    if (value === undefined) return "true";
    if (arg !== undefined && parseBoolean(value) === undefined) {
      throw usage(`"--${name}" takes true or false, not "${value}"`);
    }
    return value;
  }
  if (value === undefined) throw usage(`"--${name}" needs a value`);
  if (
    !token.inlineValue &&
    switches.has(value.replace(/^--/, "").split("=", 1)[0]!) &&
    value.startsWith("--")
  ) {
    throw usage(`"--${name}" needs a value (write one that begins with dashes as "--${name}=${value}")`);
  }
  if (arg?.type === "enum" && !arg.options?.includes(value)) {
    throw usage(`"--${name}" takes one of ${arg.options?.join(", ")}, not "${value}"`);
  }
  return value;
}

function toValues(
  { command, args }: ParseArgumentsOptions,
  given: ReadonlyMap<Switch, readonly string[]>,
  positionals: readonly Positional[],
): Record<string, unknown> {
  const texts = new Map([...given].map(([{ name }, all]) => [name, all]));
  const declared = Object.entries(args);
  const places = declared.filter(([, arg]) => arg.type === "positional").map(([name]) => name);
  const surplus = positionals.slice(places.length).find(({ isQuoted }) => !isQuoted);
  for (const [index, name] of places.entries()) {
    const value = positionals[index]?.value;
    if (value !== undefined) texts.set(name, [value]);
  }
  for (const [name, arg] of declared) {
    if (texts.has(name) || arg.default !== undefined) continue;
    if (arg.type === "positional" && arg.required !== false) throw usage(`"${command}" needs <${name}>`);
    if (arg.type !== "positional" && arg.required === true) throw usage(`"${command}" needs "--${name}"`);
  }
  if (surplus !== undefined) throw usage(`"${command}" has no argument for "${surplus.value}"`);
  const values = declared.map(([name, arg]) => [name, toArgument(arg, texts.get(name))]);
  return { ...Object.fromEntries(values), _: positionals.map(({ value }) => value) };
}

function toArgument(arg: CommandArgs[string], texts: readonly string[] | undefined): unknown {
  if (arg.list === true) return texts ?? [];
  const last = texts?.at(-1);
  if (last === undefined) return arg.default;
  return arg.type === "boolean" ? parseBoolean(last) === true : last;
}

function hint(name: string, switches: ReadonlyMap<string, Switch>): string {
  const near = nearest(name, [...switches.keys()]);
  return near.length > 0
    ? toHint(
        `--${name}`,
        near.map((flag) => `--${flag}`),
      )
    : "";
}

function usage(message: string): AgentError {
  return new AgentError("USAGE_INVALID", message);
}
