import { mkdir } from "node:fs/promises";
import path from "node:path";
import { ask } from "./control-plane.ts";

interface Schema {
  readonly properties?: object;
  readonly additionalProperties?: unknown;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-group-version-kind"?: readonly GroupVersionKind[];
}

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/**
 * Writes a JSON schema for each kind that the API server describes, and returns kubeconform's arguments for them. A
 * field that a schema does not have is refused.
 */
export async function writeSchemas(directory: string): Promise<readonly string[]> {
  const { paths } = (await read("/openapi/v3")) as {
    paths: Readonly<Record<string, { readonly serverRelativeURL: string }>>;
  };
  for (const [name, { serverRelativeURL }] of Object.entries(paths)) {
    if (!/\/v\d/.test(name)) continue;
    const { components } = (await read(serverRelativeURL)) as {
      components?: { readonly schemas?: Readonly<Record<string, Schema>> };
    };
    const schemas = components?.schemas ?? {};
    const strict = ofEach(schemas);
    for (const [key, schema] of Object.entries(schemas)) {
      const [one, ...others] = schema["x-kubernetes-group-version-kind"] ?? [];
      // Kinds of every group, such as DeleteOptions, are nothing that a manifest has.
      if (one === undefined || others.length > 0) continue;
      // kubeconform calls the group of "apiVersion: v1" by its version.
      const file = path.join(
        directory,
        one.group || one.version,
        `${one.kind.toLowerCase()}_${one.version}.json`,
      );
      await mkdir(path.dirname(file), { recursive: true });
      const reference = { $ref: `#/components/schemas/${key}`, components: { schemas: strict } };
      await Bun.write(
        file,
        JSON.stringify({ $schema: "http://json-schema.org/draft-07/schema#", ...reference }),
      );
    }
  }
  const location = path.join(directory, "{{.Group}}", "{{.ResourceKind}}_{{.ResourceAPIVersion}}.json");
  return ["-strict", "-schema-location", location];
}

async function read(pathname: string): Promise<object> {
  const answer = await ask(pathname);
  if (!answer.ok) throw new Error(`${pathname}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as object;
}

/** Copies a schema, and refuses further properties of each object that names its own. */
function toStrict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toStrict);
  if (typeof value !== "object" || value === null) return value;
  const { properties, ...rest } = value as Schema;
  if (properties === undefined) return ofEach(rest);
  const isOpen =
    rest.additionalProperties !== undefined || rest["x-kubernetes-preserve-unknown-fields"] === true;
  return {
    ...(isOpen ? {} : { additionalProperties: false }),
    ...ofEach(rest),
    properties: ofEach(properties),
  };
}

function ofEach(values: object): object {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, toStrict(value)]));
}
