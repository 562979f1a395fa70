/** The `[Service]` section of a unit: the values of each name, in order. */
export type ServiceSection = ReadonlyMap<string, readonly string[]>;

/** Reads a unit and its drop-ins, which follow it. An empty value resets the previous ones, as in systemd. */
export function parseUnit(texts: readonly string[]): ServiceSection {
  const values = new Map<string, string[]>();
  for (const text of texts) {
    let section = "";
    for (const line of text.replaceAll(/\\\n/g, " ").split("\n")) {
      const [, header] = /^\s*\[([^\]]*)\]\s*$/.exec(line) ?? [];
      if (header !== undefined) section = header;
      const [, name, value = ""] = /^\s*([A-Za-z][A-Za-z0-9]*)\s*=(.*)$/.exec(line) ?? [];
      if (section !== "Service" || name === undefined) continue;
      const before = value.trim() === "" ? [] : (values.get(name) ?? []);
      values.set(name, [...before, ...(value.trim() === "" ? [] : [value.trim()])]);
    }
  }
  return values;
}

/** Splits a command line or the value of `Environment=` into words, as systemd does. */
export function splitWords(text: string): string[] {
  const words = text.matchAll(/(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\\.|[^\s"'\\])+/g);
  return Array.from(words, ([word]) => unquote(word));
}

/** Converts `NAME=value` pairs; other words are left out. */
export function toVariables(words: readonly string[]): Readonly<Record<string, string>> {
  const pairs = words.map(
    (word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)] as const,
  );
  return Object.fromEntries(pairs.filter(([name]) => /^[A-Za-z_]\w*$/.test(name)));
}

function unquote(word: string): string {
  return word.replaceAll(/"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|\\(.)/g, (_, double, single, escaped) => {
    const inner: string = double ?? single ?? escaped;
    return inner.replaceAll(/\\(.)/g, "$1");
  });
}
