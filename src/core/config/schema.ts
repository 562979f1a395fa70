import type { JsonSchema } from "../contracts/options.ts";
import type { StandardSchemaV1 } from "../contracts/standard-schema.ts";

/**
 * Converts a schema to JSON Schema (draft 7): with valibot's converter, or through the Standard JSON Schema
 * interface of other libraries. `undefined` when a library has neither.
 */
export async function toJsonSchema(schema: StandardSchemaV1): Promise<JsonSchema | undefined> {
  const standard = schema["~standard"];
  if (standard.vendor === "valibot") {
    const converter = await import("@valibot/to-json-schema");
    type Convertible = Parameters<typeof converter.toJsonSchema>[0];
    const options = { typeMode: "input", errorMode: "ignore" } as const;
    const json: unknown = converter.toJsonSchema(schema as unknown as Convertible, options);
    return json as JsonSchema;
  }
  return (standard as StandardJsonSchema).jsonSchema?.input({ target: "draft-07" });
}

/** Returns the schema for editors: `secret` becomes `writeOnly`, and our other metadata is removed. */
export function toPublished(schema: JsonSchema): JsonSchema {
  const {
    secret,
    defaultText,
    delaysShutdown,
    hint,
    from,
    status,
    migration,
    script,
    $schema,
    default: value,
    ...rest
  } = schema;
  const isFixed = value !== undefined && defaultText === undefined;
  return mapNested(
    {
      ...rest,
      ...(isFixed && { default: value }),
      ...(secret === true && { writeOnly: true }),
      ...(status === "deprecated" && { deprecated: true }),
    },
    toPublished,
  );
}

/** Whether a schema contains a secret, at any depth. */
export function holdsSecret(schema: JsonSchema): boolean {
  if (schema.secret === true || schema.writeOnly === true) return true;
  const { properties = {}, items, anyOf = [], oneOf = [], additionalProperties: more } = schema;
  const nested = [...Object.values(properties), ...anyOf, ...oneOf, items, more];
  return nested.some((each) => typeof each === "object" && holdsSecret(each));
}

/** https://standardschema.dev/json-schema */
interface StandardJsonSchema {
  readonly jsonSchema?: { input(options: { readonly target: string }): JsonSchema };
}

function mapNested(schema: JsonSchema, map: (nested: JsonSchema) => JsonSchema): JsonSchema {
  const mapAll = (all: Readonly<Record<string, JsonSchema>>) =>
    Object.fromEntries(Object.entries(all).map(([key, nested]) => [key, map(nested)]));
  const { properties, items, anyOf, oneOf, additionalProperties } = schema;
  return {
    ...schema,
    ...(properties && { properties: mapAll(properties) }),
    ...(items && { items: map(items) }),
    ...(anyOf && { anyOf: anyOf.map(map) }),
    ...(oneOf && { oneOf: oneOf.map(map) }),
    ...(typeof additionalProperties === "object" && { additionalProperties: map(additionalProperties) }),
  };
}
