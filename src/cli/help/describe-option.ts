import type { Option } from "../../core/contracts/options.ts";
import { describeType } from "../../core/config/values.ts";

/** Placeholder of the flag's value: `<human|json>`, `<number>`; empty for a boolean. */
export function toPlaceholder({ type, choices, hint }: Option): string {
  if (hint !== undefined) return `<${hint}>`;
  if (choices !== undefined) return `<${choices.join("|")}>`;
  switch (type.kind) {
    case "boolean":
      return "";
    case "integer":
    case "number":
      return "<number>";
    case "list":
      return "<value,…>";
    case "map":
      return "<name=value,…>";
    case "string":
    case "any":
      return "<value>";
  }
}

/** Describes the accepted values: `one of human, json`, `seconds`, `a list`. */
export function describeValue({ type, choices, hint }: Option): string {
  return choices === undefined ? (hint ?? describeType(type)) : `one of ${choices.join(", ")}`;
}

/** Describes the default, in the form in which a user would write it. */
export function describeDefault({ default: value, defaultText, required }: Option): string {
  if (defaultText !== undefined) return defaultText;
  if (required) return "none, required";
  if (value === undefined || value === "") return "none";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(String).join(" ");
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value);
  return entries.length === 0 ? "none" : entries.map(([key, item]) => `${key}=${String(item)}`).join(" ");
}

/** Describes the range of a number: `1 to 100`, `more than 0`; `undefined` without one. */
export function describeRange({ schema }: Option): string | undefined {
  const { minimum, exclusiveMinimum, maximum } = schema;
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  const parts = [
    minimum === undefined ? [] : `${minimum} or more`,
    exclusiveMinimum === undefined ? [] : `more than ${exclusiveMinimum}`,
    maximum === undefined ? [] : `at most ${maximum}`,
  ].flat();
  return parts.length === 0 ? undefined : parts.join(", ");
}

/** Returns an example as it is written after the flag (`v.examples`); `undefined` without one. */
export function describeExample({ schema }: Option): string | undefined {
  const example = schema.examples?.[0];
  if (example === undefined) return undefined;
  if (Array.isArray(example)) return example.map(String).join(",");
  if (typeof example !== "object" || example === null) return String(example);
  return Object.entries(example)
    .map(([key, item]) => `${key}=${String(item)}`)
    .join(",");
}
