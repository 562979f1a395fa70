import { decodeBase64 } from "../../core/text/base64.ts";
import type { EnvironmentVariable } from "../../core/contracts/job-request.ts";
import type { Output } from "../../core/contracts/job-log.ts";

/**
 * Quotes a word for bash, if necessary, in single quotes (protocol section 6.2). Works on any text, including
 * bytes read as latin1.
 */
export function quote(word: string): string {
  if (word === "") return "''";
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'"'"'`)}'`;
}

/** Quotes bytes for bash as printable ASCII, so that the word survives any encoding. */
export function quoteBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("latin1");
  if (/^[\x20-\x7e]*$/.test(text)) return quote(text);
  const escape = (character: string) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
  return `$'${text.replaceAll(/[^\x20-\x7e]|['\\]/g, escape)}'`;
}

/** Whether a shell accepts this name of a variable. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** A variable with its value decoded. */
export interface DecodedVariable {
  readonly name: string;
  readonly value: Uint8Array;
}

/**
 * Decodes the variables to export, sorted by name or in the order of the request; of two with the same name
 * the last one counts. Writes `Exporting <NAME>` for each (protocol section 7), and a line for each name that
 * a shell does not accept, which is skipped. `undefined` when a value is invalid; `output` then has the
 * reason.
 */
export function decodeVariables(
  env: readonly EnvironmentVariable[],
  output: Output,
  options: { readonly order?: "name" | "request" } = {},
): DecodedVariable[] | undefined {
  const variables: DecodedVariable[] = [];
  const latest = [...new Map(env.map((variable) => [variable.name, variable])).values()];
  for (const { name, value } of options.order === "request" ? latest : latest.sort(byName)) {
    if (!isVariableName(name)) {
      output(`Skipping ${name}: not a valid name of a shell variable\n`);
      continue;
    }
    const bytes = decodeBase64(value);
    if (bytes === undefined) {
      output(`Failed to decode ${name}\n`);
      return undefined;
    }
    if (bytes.includes(0)) {
      output(`Failed to export ${name}: its value contains a NUL byte\n`);
      return undefined;
    }
    output(`Exporting ${name}\n`);
    variables.push({ name, value: bytes });
  }
  return variables;
}

function byName(a: EnvironmentVariable, b: EnvironmentVariable): number {
  return a.name < b.name ? -1 : 1;
}

/**
 * Returns the text of an export file: one `export` for each variable, sorted by name; the last value of a
 * name counts (protocol section 6.2).
 */
export function toExportFile(variables: readonly DecodedVariable[]): Uint8Array {
  const lines = new Map(variables.map(({ name, value }) => [name, Buffer.from(value).toString("latin1")]));
  const sorted = [...lines.keys()].sort();
  return Buffer.from(sorted.map((name) => `export ${name}=${quote(lines.get(name)!)}\n`).join(""), "latin1");
}
