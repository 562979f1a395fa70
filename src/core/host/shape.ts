import { AgentError } from "../errors.ts";
import { toHint } from "../text/nearest.ts";
import type { Plugin } from "../contracts/plugin.ts";
import { assertVersion, isRange, versionNote } from "./plugin-version.ts";

/**
 * Throws `PLUGIN_INVALID` with the fault when a value is not a plugin, or one for another version of the program.
 * `source` is its origin: `"./a.ts" (/etc/a.ts)`.
 */
export function assertPlugin(value: unknown, source: string): asserts value is Plugin {
  // A plugin for another version may have further properties, and others of another form.
  const { signalman: range } = Object(value) as { readonly signalman?: unknown };
  if (isRange(range)) assertVersion(range, source);
  const fault = findFault(value);
  if (fault !== undefined) throw new AgentError("PLUGIN_INVALID", `${source} is not a plugin: ${fault}`);
}

/** Returns `true` for names such as `job-hooks`. */
export function isKebabCase(text: string): boolean {
  return /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(text);
}

type Properties = Readonly<Record<string, unknown>>;

const properties: readonly (keyof Plugin)[] = [
  "name",
  "description",
  "signalman",
  "runsIn",
  "config",
  "flags",
  "commands",
  "errors",
  "setup",
];

function findFault(value: unknown): string | undefined {
  if (value === undefined)
    return "it has no default export (expected: export default definePlugin({ name, setup }))";
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return `its default export is ${toKind(value)} (expected: export default definePlugin({ name, setup }))`;
  }
  const plugin = value as Properties;
  return (
    findUnknownProperty(plugin) ??
    findNameFault(plugin) ??
    findRangeFault(plugin) ??
    findRunsInFault(plugin) ??
    findConfigFault(plugin) ??
    findFlagsFault(plugin) ??
    findCommandsFault(plugin) ??
    findErrorsFault(plugin) ??
    (typeof plugin["setup"] === "function"
      ? undefined
      : `"setup" must be a function, not ${toKind(plugin["setup"])}`)
  );
}

function findUnknownProperty(plugin: Properties): string | undefined {
  const unknown = Object.keys(plugin).find((key) => !(properties as readonly string[]).includes(key));
  return unknown === undefined
    ? undefined
    : `it has an unknown property "${unknown}"${toHint(unknown, properties)}${versionNote}`;
}

function findNameFault({ name, description }: Properties): string | undefined {
  if (typeof name !== "string") return `"name" must be a string, not ${toKind(name)}`;
  if (!isKebabCase(name)) return `its name "${name}" is not in kebab-case (as in "job-hooks")`;
  if (name === "core" || name === "signalman") return `its name "${name}" is reserved`;
  if (description !== undefined && typeof description !== "string") {
    return `"description" must be a string, not ${toKind(description)}`;
  }
  return undefined;
}

function findRangeFault({ signalman }: Properties): string | undefined {
  if (signalman === undefined || isRange(signalman)) return undefined;
  return `"signalman" must be a range of versions, such as ">=0.2", not ${Bun.inspect(signalman)}`;
}

function findRunsInFault({ runsIn, commands }: Properties): string | undefined {
  if (runsIn === undefined) return undefined;
  if (!Array.isArray(runsIn) || !runsIn.every((role) => role === "agent" || role === "job")) {
    return `"runsIn" must list "agent", "job" or both, not ${Bun.inspect(runsIn)}`;
  }
  return runsIn.length > 0 || commands !== undefined
    ? undefined
    : '"runsIn" lists no process, which only a plugin with "commands" may do';
}

function findConfigFault({ config }: Properties): string | undefined {
  if (config === undefined || typeof (config as Schema | null)?.["~standard"]?.validate === "function")
    return undefined;
  return `"config" must be a Standard Schema (valibot, zod, arktype, …), not ${toKind(config)}`;
}

function findFlagsFault({ flags, config }: Properties): string | undefined {
  if (flags === undefined) return undefined;
  if (typeof flags !== "object" || flags === null) return `"flags" must be an object, not ${toKind(flags)}`;
  const known = config === undefined ? [] : findKeys(config as Schema);
  for (const [flag, key] of Object.entries(flags)) {
    if (!isKebabCase(flag)) return `its flag "${flag}" is not in kebab-case (as in "stop-grace-period")`;
    if (config === undefined) return `its flag "${flag}" needs a "config" that has "${String(key)}"`;
    if (typeof key !== "string") return `its flag "${flag}" must name a key of "config", not ${toKind(key)}`;
    if (known !== undefined && !known.includes(key)) {
      return `its flag "${flag}" names "${key}", which "config" does not have${toHint(key, known)}`;
    }
  }
  return undefined;
}

function findCommandsFault({ commands }: Properties): string | undefined {
  if (commands === undefined) return undefined;
  if (typeof commands !== "object" || commands === null)
    return `"commands" must be an object, not ${toKind(commands)}`;
  for (const [name, load] of Object.entries(commands)) {
    if (!name.split(" ", 3).every(isKebabCase) || name.split(" ").length > 2) {
      return `its command "${name}" is not one or two words in kebab-case (as in "clean-up")`;
    }
    if (typeof load !== "function") {
      return `its command "${name}" must be a function that imports it, not ${toKind(load)}`;
    }
  }
  return undefined;
}

function findErrorsFault({ name, errors }: Properties): string | undefined {
  if (errors === undefined) return undefined;
  if (typeof errors !== "object" || errors === null)
    return `"errors" must be an object, not ${toKind(errors)}`;
  const prefix = `${String(name).toUpperCase().replaceAll("-", "_")}_`;
  for (const [code, explanation] of Object.entries(errors)) {
    if (!code.startsWith(prefix) || !/^[A-Z][A-Z0-9_]*[A-Z0-9]$/.test(code)) {
      return `its error code "${code}" does not begin with the plugin's name (as in "${prefix}FAILED")`;
    }
    const { cause, remedy } = Object(explanation) as Properties;
    if (typeof cause !== "string" || typeof remedy !== "string") {
      return `its error code "${code}" needs the texts "cause" and "remedy"`;
    }
  }
  return undefined;
}

interface Schema {
  readonly "~standard"?: { readonly validate?: unknown };
  readonly entries?: unknown;
  readonly shape?: unknown;
}

/** Returns the keys of an object schema, if its library exposes them (valibot: `entries`, zod: `shape`). */
function findKeys({ entries, shape }: Schema): string[] | undefined {
  const keyed = entries ?? shape;
  return typeof keyed === "object" && keyed !== null ? Object.keys(keyed) : undefined;
}

function toKind(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (value === undefined) return "missing";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
