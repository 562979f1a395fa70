import type { OptionOwner, Option, DeclaredOptions, JsonSchema, ValueType } from "../contracts/options.ts";
import { AgentError, toMessage } from "../errors.ts";
import { toHint } from "../text/nearest.ts";
import { holdsSecret, toJsonSchema } from "./schema.ts";

/** The schemas of owners whose `config` need not be converted, by name. */
export type KnownSchemas = Readonly<Record<string, JsonSchema>>;

export const variablePrefix = "SEMAPHORE_AGENT_";

/** Converts `log-level` to `SEMAPHORE_AGENT_LOG_LEVEL`. */
export function toVariable(flag: string): string {
  return `${variablePrefix}${flag.toUpperCase().replaceAll("-", "_")}`;
}

/**
 * Reads all declarations, in order. Throws `PLUGIN_INVALID` for a flag that is declared twice or names an
 * unknown key, and for a schema that cannot be converted.
 */
export async function declareOptions(
  owners: readonly OptionOwner[],
  known: KnownSchemas = {},
): Promise<DeclaredOptions[]> {
  const declared: DeclaredOptions[] = [];
  const takenBy = new Map<string, string>();
  for (const owner of owners) {
    const isKnown = Object.hasOwn(known, owner.name);
    const declaration = await declare(owner, isKnown ? known[owner.name] : undefined);
    for (const { flag } of declaration.options) {
      if (flag === undefined) continue;
      const other = takenBy.get(flag);
      if (other !== undefined) {
        throw invalid(owner, `declares the flag "--${flag}", which ${toOwnerName(other)} declares as well`);
      }
      takenBy.set(flag, owner.name);
    }
    declared.push(declaration);
  }
  return declared;
}

/** Returns `the core` or `plugin "statsd"`. */
export function toOwnerName(owner: string): string {
  return owner === coreName ? "the core" : `plugin "${owner}"`;
}

/** The owner of the options that belong to no plugin. */
export const coreName = "core";

const reservedFlags: readonly string[] = ["help", "version", "plugins", "extends"];

async function declare(owner: OptionOwner, known?: JsonSchema): Promise<DeclaredOptions> {
  const schema = known ?? (await readSchema(owner));
  const properties = schema?.properties ?? {};
  const flagOf = new Map<string, string>();
  for (const [flag, name] of Object.entries(owner.flags ?? {})) {
    if (reservedFlags.includes(flag)) throw invalid(owner, `declares the flag "${flag}", which is reserved`);
    if (schema?.properties !== undefined && !(name in properties)) {
      const hint = toHint(name, Object.keys(properties));
      throw invalid(
        owner,
        `declares the flag "${flag}" for "${name}", which its config does not have${hint}`,
      );
    }
    flagOf.set(name, flag);
  }
  const names = new Set([...Object.keys(properties), ...flagOf.keys()]);
  const required = schema?.required ?? [];
  return {
    owner,
    schema,
    options: [...names].map((name) =>
      toOption(owner.name, name, flagOf.get(name), properties[name] ?? {}, required.includes(name)),
    ),
  };
}

async function readSchema(owner: OptionOwner): Promise<JsonSchema | undefined> {
  try {
    return owner.config === undefined ? { properties: {} } : await toJsonSchema(owner.config);
  } catch (error) {
    throw new AgentError(
      "PLUGIN_INVALID",
      `the config of ${toOwnerName(owner.name)} cannot be converted to JSON Schema: ${toMessage(error)}`,
      { cause: error },
    );
  }
}

function toOption(
  owner: string,
  name: string,
  flag: string | undefined,
  schema: JsonSchema,
  required: boolean,
): Option {
  const from = schema.from ?? ["environment", "file"];
  return {
    owner,
    name,
    flag,
    variable: flag !== undefined && from.includes("environment") ? toVariable(flag) : undefined,
    inFile: from.includes("file"),
    key: flag ?? `plugins.${owner}.${name}`,
    type: toValueType(schema),
    description: schema.description ?? "",
    default: schema.default,
    defaultText: schema.defaultText,
    choices: schema.enum,
    hint: schema.hint,
    required,
    secret: holdsSecret(schema),
    delaysShutdown: schema.delaysShutdown === true,
    status: schema.status,
    migration: schema.migration,
    schema,
  };
}

function toValueType(schema: JsonSchema): ValueType {
  const branches = (schema.anyOf ?? schema.oneOf)?.filter((branch) => branch.type !== "null");
  if (branches !== undefined) {
    const [only, ...others] = branches.map(toValueType);
    return only !== undefined && others.every(({ kind }) => kind === only.kind) ? only : { kind: "any" };
  }
  const type = Array.isArray(schema.type) ? schema.type.find((name) => name !== "null") : schema.type;
  switch (type) {
    case "string":
    case "integer":
    case "number":
    case "boolean":
      return { kind: type };
    case "array":
      return { kind: "list", items: toValueType(schema.items ?? {}) };
    case "object": {
      const items = schema.additionalProperties;
      return { kind: "map", items: typeof items === "object" ? toValueType(items) : { kind: "any" } };
    }
    default:
      return { kind: "any" };
  }
}

function invalid(owner: OptionOwner, fault: string): AgentError {
  return new AgentError("PLUGIN_INVALID", `${toOwnerName(owner.name)} ${fault}`);
}
