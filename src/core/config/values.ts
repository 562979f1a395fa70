import type { ValueType, OptionSource } from "../contracts/options.ts";

/** The converted value, or a description of what was expected. */
export type Conversion = { readonly value: unknown } | { readonly expected: string };

/** The value that was set for an option; `undefined` when it could not be converted, which a fault reports. */
export interface Given {
  readonly value: unknown;
  readonly source: OptionSource;
}

/**
 * Converts the values of a flag. The last one counts; comma-separated lists are concatenated (protocol
 * section 8.2).
 */
export function fromFlag(type: ValueType, texts: readonly string[]): Conversion {
  if (type.kind !== "list" && type.kind !== "map") return fromText(type, texts.at(-1) ?? "");
  const items: string[] = [];
  for (const text of texts) {
    const row = parseCsv(text);
    if (row === undefined)
      return { expected: "comma-separated values, with quotes closed and doubled inside" };
    items.push(...row);
  }
  return fromItems(type, items);
}

/** Converts an environment variable. Lists are separated by whitespace, not by commas (protocol section 8.2). */
export function fromVariable(type: ValueType, text: string): Conversion {
  return type.kind === "list" || type.kind === "map"
    ? fromItems(type, splitWords(text))
    : fromText(type, text);
}

/** Converts a value from a file, which has a type of its own; text is accepted for any type. */
export function fromFile(type: ValueType, value: unknown): Conversion {
  if (typeof value === "string") return fromVariable(type, value);
  switch (type.kind) {
    case "list":
      return Array.isArray(value) ? gather(value.map((item) => fromFile(type.items, item))) : mismatch(type);
    case "map":
      if (Array.isArray(value)) return fromItems(type, value.map(String));
      return typeof value === "object" && value !== null ? { value } : mismatch(type);
    case "string":
      return typeof value === "number" || typeof value === "boolean"
        ? { value: String(value) }
        : mismatch(type);
    case "boolean":
      return typeof value === "boolean" ? { value } : mismatch(type);
    case "integer":
      return Number.isSafeInteger(value) ? { value } : mismatch(type);
    case "number":
      return typeof value === "number" ? { value } : mismatch(type);
    case "any":
      return { value };
  }
}

/** Describes a type: `a list, each entry a whole number`. */
export function describeType(type: ValueType): string {
  switch (type.kind) {
    case "list":
      return type.items.kind === "string" || type.items.kind === "any"
        ? "a list"
        : `a list, each entry ${describeType(type.items)}`;
    case "map":
      return "a map (name=value)";
    case "boolean":
      return "true or false";
    case "integer":
      return "a whole number";
    case "number":
      return "a number";
    case "string":
      return "text";
    case "any":
      return "a value";
  }
}

/** Reads a boolean as Go's `strconv.ParseBool` does, which the reference uses. */
export function parseBoolean(text: string): boolean | undefined {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(text)) return true;
  return ["0", "f", "F", "false", "FALSE", "False"].includes(text) ? false : undefined;
}

/** Reads one row of CSV: `a,"b,c","say ""hi"""`. `undefined` when quotes do not match. An empty text has no fields. */
export function parseCsv(text: string): string[] | undefined {
  if (text === "") return [];
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = field.exec(text);
    if (match === null) return undefined;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return fields;
  }
}

/** Splits text at whitespace. */
export function splitWords(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

function fromText(type: ValueType, text: string): Conversion {
  switch (type.kind) {
    case "boolean": {
      const value = parseBoolean(text);
      return value === undefined ? mismatch(type) : { value };
    }
    case "integer":
    case "number": {
      const value = /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
      const fits = type.kind === "integer" ? Number.isSafeInteger(value) : Number.isFinite(value);
      return fits ? { value } : mismatch(type);
    }
    default:
      return { value: text };
  }
}

function fromItems(type: ValueType, items: readonly string[]): Conversion {
  if (type.kind === "list") return gather(items.map((item) => fromText(type.items, item)));
  const entries: [string, unknown][] = [];
  for (const item of items) {
    const [name, value] = splitOnce(item, "=");
    if (type.kind !== "map" || value === undefined || name === "") return mismatch(type);
    const converted = fromText(type.items, value);
    if ("expected" in converted) return converted;
    entries.push([name, converted.value]);
  }
  return { value: Object.fromEntries(entries) };
}

function gather(parts: readonly Conversion[]): Conversion {
  const values: unknown[] = [];
  for (const part of parts) {
    if ("expected" in part) return { expected: `each entry to be ${part.expected}` };
    values.push(part.value);
  }
  return { value: values };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

function mismatch(type: ValueType): Conversion {
  return { expected: describeType(type) };
}
