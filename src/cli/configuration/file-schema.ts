import { coreName } from "../../core/config/flags.ts";
import type { DeclaredOptions, JsonSchema } from "../../core/contracts/options.ts";
import { toPublished } from "../../core/config/schema.ts";

/**
 * Returns the JSON Schema of the configuration file: flat keys, the `plugins:` map, `extends`, and a layer
 * for each environment.
 */
export function toConfigSchema(declared: readonly DeclaredOptions[]): JsonSchema {
  const flat = declared
    .flatMap(({ options }) => options)
    .flatMap(({ flag, inFile, schema }) =>
      flag !== undefined && inFile ? [[flag, toFlat(schema)] as const] : [],
    );
  const plugins = declared
    .filter(({ owner }) => owner.name !== coreName)
    .map(({ owner, schema }) => [owner.name, toPluginSchema(owner.description, schema)] as const);
  const paths: JsonSchema = { type: "string" };
  const properties: Readonly<Record<string, JsonSchema>> = {
    ...Object.fromEntries(flat),
    extends: {
      description: "Local files that this file extends, relative to it; values in this file take precedence",
      anyOf: [paths, { type: "array", items: paths }],
    },
    plugins: {
      description: "Plugins by name, path (./x.ts) or package: their options, or false to turn a plugin off",
      type: "object",
      properties: Object.fromEntries(plugins),
      additionalProperties: { type: ["object", "boolean", "null"] },
    },
  };
  const layer: JsonSchema = { $ref: "#/definitions/layer" };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Signalman's configuration",
    definitions: { layer: { type: "object", properties, additionalProperties: false } },
    type: "object",
    properties: {
      ...properties,
      $schema: { type: "string" },
      $env: {
        description: "Layers by environment (--config-env)",
        type: "object",
        additionalProperties: layer,
      },
    },
    patternProperties: { "^\\$(?!schema$|env$|meta$)": layer },
    additionalProperties: false,
  };
}

/** The value of a flat key may also be text, whatever its type, as in the files of the reference. */
function toFlat(schema: JsonSchema): JsonSchema {
  const published = toPublished(schema);
  if (published.type === "string" || published.anyOf !== undefined) return published;
  const { description, default: value, writeOnly, ...rest } = published;
  const shared = Object.fromEntries(
    Object.entries({ description, default: value, writeOnly }).filter(([, part]) => part !== undefined),
  );
  return { ...shared, anyOf: [rest, { type: "string" }] };
}

function toPluginSchema(description: string | undefined, schema: JsonSchema | undefined): JsonSchema {
  const { $schema, ...options } = toPublished(schema ?? { type: "object" });
  return {
    ...(description === undefined ? {} : { description }),
    anyOf: [{ ...options, type: "object", required: [] }, { type: ["boolean", "null"] }],
  };
}
