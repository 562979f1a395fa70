/** Returns the line (from 1) of a key in TOML, or of the innermost table around it. Letter case is ignored. */
export function findTomlLine(text: string, path: readonly string[]): number | undefined {
  const lines = new Map<string, number>();
  for (const { keys, line } of listKeys(text)) {
    const key = toKey(keys);
    if (!lines.has(key)) lines.set(key, line);
  }
  for (let length = path.length; length > 0; length -= 1) {
    const line = lines.get(toKey(path.slice(0, length)));
    if (line !== undefined) return line;
  }
  return undefined;
}

function toKey(path: readonly string[]): string {
  return path.join("\0").toLowerCase();
}

function* listKeys(text: string): Iterable<{ readonly keys: readonly string[]; readonly line: number }> {
  let table: string[] = [];
  for (const [index, content] of text.split("\n").entries()) {
    const [, header] = /^\s*\[([^[\]]+)\]/.exec(content) ?? [];
    const [, key] = /^\s*([^\s=#[][^=]*?)\s*=/.exec(content) ?? [];
    if (header !== undefined) table = splitKey(header);
    else if (key === undefined) continue;
    yield {
      keys: header === undefined && key !== undefined ? [...table, ...splitKey(key)] : table,
      line: index + 1,
    };
  }
}

function splitKey(dotted: string): string[] {
  return [...dotted.matchAll(/"([^"]*)"|'([^']*)'|[^.\s]+/g)].map(
    (match) => match[1] ?? match[2] ?? match[0],
  );
}
