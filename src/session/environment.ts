import { decodeBase64 } from "../core/base64.ts";
import type { EnvironmentVariable } from "../core/contracts/job-request.ts";
import type { Output } from "../core/contracts/job-log.ts";

/**
 * Quotes a word for bash (protocol section 6.2): bare where nothing needs it, else in single quotes. Works on text of any kind, also on
 * bytes read as latin1.
 */
export function quote(word: string): string {
  if (word === "") return "''";
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'"'"'`)}'`;
}

/** Whether a shell can have a variable of this name. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** A variable with its value decoded. */
export interface DecodedVariable {
  readonly name: string;
  readonly value: Uint8Array;
}

/**
 * Decodes what is to be exported, sorted by name, the last value of a name winning, and says `Exporting <NAME>` for each (protocol section 7). A name
 * that no shell can have is skipped, and said; `undefined`: a value has a fault, which `output` then tells.
 */
export function decodeVariables(
  env: readonly EnvironmentVariable[],
  output: Output,
): DecodedVariable[] | undefined {
  const variables: DecodedVariable[] = [];
  const latest = new Map(env.map((variable) => [variable.name, variable]));
  for (const { name, value } of [...latest.values()].sort(byName)) {
    if (!isVariableName(name)) {
      output(`Skipping ${name}: this is no name for a shell variable\n`);
      continue;
    }
    const bytes = decodeBase64(value);
    if (bytes === undefined) {
      output(`Failed to decode ${name}\n`);
      return undefined;
    }
    if (bytes.includes(0)) {
      output(`Failed to export ${name}: its value holds a NUL byte\n`);
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

/** The text of an export file: one `export` a variable, sorted by name, the last value of a name winning (protocol section 6.2). */
export function toExportFile(variables: readonly DecodedVariable[]): Uint8Array {
  const lines = new Map(variables.map(({ name, value }) => [name, Buffer.from(value).toString("latin1")]));
  const sorted = [...lines.keys()].sort();
  return Buffer.from(sorted.map((name) => `export ${name}=${quote(lines.get(name)!)}\n`).join(""), "latin1");
}
