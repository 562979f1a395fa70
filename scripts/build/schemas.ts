import { builtIns } from "../../plugins/index.ts";
import { coreOptions } from "../../src/agent/options/index.ts";
import type { KnownSchemas } from "../../src/core/config/flags.ts";
import { toJsonSchema } from "../../src/core/config/schema.ts";
import type { JsonSchema, OptionOwner } from "../../src/core/contracts/options.ts";

/**
 * Converts the schemas of the core and of the built-in plugins, which takes a start of the program two
 * milliseconds. A default that depends on the machine (`defaultText`) is left to the schema itself.
 */
export async function collectSchemas(): Promise<KnownSchemas> {
  const plugins = await Promise.all(Object.values(builtIns).map(async (load) => (await load()).default));
  const owners: OptionOwner[] = [coreOptions, ...plugins];
  const entries = owners.map(async ({ name, config }) => {
    const schema = config && (await toJsonSchema(config));
    return schema === undefined ? [] : [[name, withoutOwnDefaults(schema)] as const];
  });
  return Object.fromEntries((await Promise.all(entries)).flat());
}

function withoutOwnDefaults({ properties = {}, ...schema }: JsonSchema): JsonSchema {
  const kept = Object.entries(properties).map(([name, { default: value, ...rest }]) => {
    const isFixed = value !== undefined && rest.defaultText === undefined;
    return [name, isFixed ? { ...rest, default: value } : rest] as const;
  });
  return { ...schema, properties: Object.fromEntries(kept) };
}
