import type * as Yaml from "yaml";
import { toMessage } from "../errors.ts";

/** The content of a configuration file, with the lines of its keys. */
export interface ParsedText {
  readonly content: unknown;
  /** Returns the line (from 1) of a key, or of its innermost parent that the file has. Letter case is ignored. */
  findLine(path: readonly string[]): number | undefined;
}

/** Parses YAML. Throws an error with `line` and `column` that does not quote the text, which may contain secrets. */
export async function parseYaml(text: string): Promise<ParsedText> {
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    logLevel: "error",
    merge: true,
    prettyErrors: false,
  });
  const [fault] = document.errors;
  if (fault !== undefined)
    throw toSyntaxError(explainYamlFault(fault.code, fault.message), lines, fault.pos[0]);
  return {
    content: toContent(document),
    findLine: createLineFinder(yaml, document, lines),
  };
}

/** Finds the lines of keys in JSON. JSON is YAML once its comments are replaced by blanks. */
export async function findJsonLines(text: string): Promise<ParsedText["findLine"]> {
  if (text.length > longestJson) return () => undefined;
  const yaml = await import("yaml");
  const lines = new yaml.LineCounter();
  const withoutComments = text.replaceAll(/"(?:[^"\\\n]|\\.)*"|\/\/.*|\/\*[^]*?\*\//g, (token) =>
    token.startsWith('"') ? token : token.replaceAll(/[^\n]/g, " "),
  );
  return createLineFinder(yaml, yaml.parseDocument(withoutComments, { lineCounter: lines }), lines);
}

/** The YAML parser is slow with large texts. */
const longestJson = 2 ** 20;

function toContent(document: Yaml.Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // Bun gives each error the line of the source that threw it.
    throw Object.assign(new Error(explainYamlFault("BAD_ALIAS", toMessage(error))), { line: undefined });
  }
}

function createLineFinder(
  { isAlias, isMap, isScalar }: typeof Yaml,
  document: Yaml.Document,
  lines: Yaml.LineCounter,
): ParsedText["findLine"] {
  return (path) => {
    let node: unknown = document.contents;
    let line: number | undefined;
    for (const name of path) {
      if (isAlias(node)) node = node.resolve(document);
      if (!isMap(node)) break;
      const pair = node.items.find(
        ({ key }) => isScalar(key) && String(key.value).toLowerCase() === name.toLowerCase(),
      );
      if (!isScalar(pair?.key) || !pair.key.range) break;
      ({ line } = lines.linePos(pair.key.range[0]));
      node = pair.value;
    }
    return line;
  };
}

function toSyntaxError(message: string, lines: Yaml.LineCounter, offset: number): Error {
  const { line, col } = lines.linePos(offset);
  return Object.assign(new Error(message), { line, column: col });
}

/** Returns the parser's message in our words, or without the text that it quotes. */
export function explainYamlFault(code: string, message: string): string {
  const known = yamlFaults.get(code);
  if (known !== undefined) return known;
  if (code === "MISSING_CHAR") return message.replace("Missing closing", "missing closing");
  return message.charAt(0).toLowerCase() + message.slice(1).replace(/(: | \(|["'`]).*$/s, "");
}

const yamlFaults: ReadonlyMap<string, string> = new Map([
  ["DUPLICATE_KEY", "duplicate key"],
  ["MULTIPLE_DOCS", "a second document begins here"],
  ["BLOCK_AS_IMPLICIT_KEY", "a second key on one line (a value that contains a colon needs quotes)"],
  ["TAB_AS_INDENT", "tabs are not allowed in the indentation"],
  ["BAD_SCALAR_START", "text cannot begin with this character unless it is quoted"],
]);
