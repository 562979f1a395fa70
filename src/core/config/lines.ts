/** Finds the line (from 1) on which a key stands, or what it stands in. `undefined` where that cannot be told. */
export function findLine(text: string, extension: string, path: readonly string[]): number | undefined {
  const lines = new Map<string, number>();
  for (const place of scanners[extension]?.(text) ?? []) {
    const key = toKey(place.path);
    if (!lines.has(key)) lines.set(key, place.line);
  }
  for (let length = path.length; length > 0; length -= 1) {
    const line = lines.get(toKey(path.slice(0, length)));
    if (line !== undefined) return line;
  }
  return undefined;
}

interface Place {
  readonly path: readonly string[];
  readonly line: number;
}

const scanners: Readonly<Record<string, (text: string) => Iterable<Place>>> = {
  ".yaml": scanYaml,
  ".yml": scanYaml,
  ".toml": scanToml,
  ".json": scanJson,
  ".jsonc": scanJson,
};

function toKey(path: readonly string[]): string {
  return path.join("\0").toLowerCase();
}

/** Block style only: `key:` below the key that is indented less. */
function* scanYaml(text: string): Iterable<Place> {
  const parents: { readonly indent: number; readonly key: string }[] = [];
  for (const [index, content] of text.split("\n").entries()) {
    const match = /^(\s*)(?:"([^"]+)"|'([^']+)'|([^\s#'"[{-][^#]*?))\s*:(?:\s|$)/.exec(content);
    if (match === null) continue;
    const indent = match[1]!.length;
    while ((parents.at(-1)?.indent ?? -1) >= indent) parents.pop();
    parents.push({ indent, key: match[2] ?? match[3] ?? match[4]! });
    yield { path: parents.map(({ key }) => key), line: index + 1 };
  }
}

function* scanToml(text: string): Iterable<Place> {
  let table: string[] = [];
  for (const [index, content] of text.split("\n").entries()) {
    const header = /^\s*\[([^[\]]+)\]/.exec(content);
    const key = /^\s*([^\s=#[][^=]*?)\s*=/.exec(content);
    if (header !== null) table = toTomlKeys(header[1]!);
    else if (key === null) continue;
    yield {
      path: key === null || header !== null ? table : [...table, ...toTomlKeys(key[1]!)],
      line: index + 1,
    };
  }
}

function toTomlKeys(dotted: string): string[] {
  return [...dotted.matchAll(/"([^"]*)"|'([^']*)'|[^.\s]+/g)].map(
    (match) => match[1] ?? match[2] ?? match[0],
  );
}

function* scanJson(text: string): Iterable<Place> {
  const path: string[] = [];
  let key = "";
  let line = 1;
  for (const [token, string] of text.matchAll(
    /("(?:[^"\\\n]|\\.)*")(?=\s*:)|"(?:[^"\\\n]|\\.)*"|\/\/.*|\/\*[^]*?\*\/|[{}[\]\n]/g,
  )) {
    if (string !== undefined) {
      key = string.slice(1, -1);
      yield { path: [...path.slice(1), key], line };
    } else if (token === "{" || token === "[") {
      path.push(key);
      key = "";
    } else if (token === "}" || token === "]") path.pop();
    line += token.split("\n").length - 1;
  }
}
