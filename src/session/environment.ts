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

/** The text of an export file: one `export` a variable, sorted by name, the last value of a name winning (protocol section 6.2). */
export function toExportFile(variables: readonly DecodedVariable[]): Uint8Array {
  const lines = new Map(variables.map(({ name, value }) => [name, Buffer.from(value).toString("latin1")]));
  const sorted = [...lines.keys()].sort();
  return Buffer.from(sorted.map((name) => `export ${name}=${quote(lines.get(name)!)}\n`).join(""), "latin1");
}
