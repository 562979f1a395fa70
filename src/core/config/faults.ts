import type { OptionSource, Option } from "../contracts/options.ts";
import { type Given, describeType } from "./values.ts";
import { toOwnerName } from "./flags.ts";
import type { StandardSchemaV1 } from "../contracts/standard-schema.ts";

/** Describes a value of the wrong type: `log-level (--log-level): expected …; received "loud"`. */
export function toConversionFault(
  option: Option,
  source: OptionSource,
  expected: string,
  raw: unknown,
): string {
  return `${option.key} (${source.name}): expected ${expected}; received ${show(option, raw)}`;
}

/** Describes an issue that a schema reports. Empty for an option whose fault is reported already. */
export function toIssueFault(
  issue: StandardSchemaV1.Issue,
  owner: string,
  options: readonly Option[],
  given: ReadonlyMap<Option, Given>,
): string[] {
  const [first, ...rest] = (issue.path ?? []).map(toKey);
  if (first === undefined) return [`${toOwnerName(owner)}: ${toWords(issue.message)}`];
  const option = options.find(({ name }) => name === first);
  if (option === undefined) return [`plugins.${owner}.${first}: ${toWords(issue.message)}`];
  const path = [option.key, ...rest].join(".");
  const entry = given.get(option);
  if (entry === undefined) return [`${path}: ${toMissing(option, issue.message)}`];
  if (entry.value === undefined) return [];
  const where = `${path} (${entry.source.name})`;
  // The message of a schema may contain the value, so it is not shown for a secret option unless that is empty.
  if (option.secret && entry.value !== "") {
    return [`${where}: expected ${toExpected(option)}; the value is not shown`];
  }
  const words = toWords(issue.message);
  const isBare = words.startsWith("expected") && !words.includes("received") && rest.length === 0;
  return [`${where}: ${words}${isBare ? `; received ${show(option, entry.value)}` : ""}`];
}

/** Returns one step of an issue's path. */
export function toKey(part: PropertyKey | StandardSchemaV1.PathSegment | undefined): string {
  return String(typeof part === "object" ? part.key : part);
}

function show({ secret }: Option, raw: unknown): string {
  if (secret) return "[REDACTED]";
  const [only, ...others] = Array.isArray(raw) ? raw : [raw];
  return JSON.stringify(others.length === 0 ? only : raw);
}

function toExpected({ choices, type, description }: Option): string {
  if (choices !== undefined) return choices.join(", ");
  return `${describeType(type)} that is valid${description === "" ? "" : ` ("${description}")`}`;
}

/** Describes a missing option; keeps the message if the schema has one of its own. */
function toMissing({ flag, variable, inFile, key }: Option, message: string): string {
  if (!/^(Invalid|Required|expected)/i.test(message)) return message;
  const ways = [
    ...(flag === undefined ? [] : [`--${flag}`]),
    ...(variable === undefined ? [] : [variable]),
    ...(inFile ? [`${key} in the configuration file`] : []),
  ];
  return `is required: set ${ways.join(" or ")}`;
}

/** Rewrites valibot's messages in our style; others stay unchanged. */
function toWords(message: string): string {
  const [, expected, received] = /^Invalid [a-z ]+: Expected (.*) but received (.*)$/.exec(message) ?? [];
  if (expected === undefined) return message.replace(/^Invalid [a-z ]+: Received /, "received ");
  const choices = expected.replaceAll(" | ", ", ").replace(/^\((.*)\)$/, "one of $1");
  return `expected ${choices}; received ${received}`;
}
