import { explainYamlFault } from "../../core/config/yaml.ts";
import { AgentError, toMessage } from "../../core/errors.ts";
import { Literal } from "./schema.ts";

/** The content of a job file, with positions. */
export interface JobDocument {
  readonly value: unknown;
  /** Returns the position of a value, or of the nearest enclosing value. */
  locate(path: readonly (string | number)[]): Promise<Place | undefined>;
}

/** A position in a text; line and column count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** The YAML parser takes about 5 s and 1 GB for a million tokens; JSON has no such limit. */
const maxTokens = 500_000;
const maxDepth = 64;
const maxLocatedJson = 1024 * 1024;

/**
 * Reads JSON or YAML. Numbers and booleans become {@link Literal}s. `name` is for messages, which never quote
 * the text.
 */
export async function parseText(text: string, name: string): Promise<JobDocument> {
  if (text.trim() === "")
    throw new AgentError("JOB_INVALID", `"${name}" is empty: expected a job request in YAML or JSON`);
  if (text.includes("\0"))
    throw new AgentError("JOB_INVALID", `"${name}" is not text: it contains a NUL character`);
  const json = parseJson(text);
  if (json === undefined) return await parseYaml(text, name);
  return {
    value: json,
    locate: async (path) =>
      text.length > maxLocatedJson ? undefined : (await parseYaml(text, name)).locate(path),
  };
}

function parseJson(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
      if (typeof value !== "number" && typeof value !== "boolean") return value;
      return new Literal(context?.source ?? String(value), typeof value as "number" | "boolean");
    });
  } catch {
    return undefined; // It may be YAML, whose parser reports the position of the fault.
  }
}

async function parseYaml(text: string, name: string): Promise<JobDocument> {
  const yaml = await import("yaml");
  assertModest(new yaml.Lexer().lex(text), name);
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    logLevel: "error",
    merge: true,
    prettyErrors: false,
    schema: "core",
    customTags: (tags) =>
      tags.map((tag) => {
        if (typeof tag === "string" || tag.collection !== undefined || tag.default !== true) return tag;
        const kind = tag.tag.endsWith(":bool")
          ? "boolean"
          : /:(int|float)$/.test(tag.tag)
            ? "number"
            : undefined;
        return kind === undefined ? tag : { ...tag, resolve: (source: string) => new Literal(source, kind) };
      }),
  });
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };

  const faults = document.errors.map((error) => {
    const { line, column } = placeOf(error.pos[0]);
    return `  ${name}:${line}:${column}: ${explainYamlFault(error.code, error.message)}`;
  });
  if (faults.length > 0) {
    throw new AgentError(
      "JOB_INVALID",
      `"${name}" is neither JSON nor YAML:\n${faults.slice(0, 5).join("\n")}`,
    );
  }
  return {
    value: toValue(() => document.toJS({ maxAliasCount: 100 }), name),
    locate: (path) => {
      for (let length = path.length; length >= 0; length--) {
        const node = document.getIn(path.slice(0, length), true);
        if (yaml.isNode(node) && node.range) return Promise.resolve(placeOf(node.range[0]));
      }
      return Promise.resolve(undefined);
    },
  };
}

/** Checks the tokens first, since the parser's time grows faster than its input when that is deep or dense. */
function assertModest(tokens: Iterable<string>, name: string): void {
  let count = 0;
  let open = 0;
  let compact = 0;
  for (const token of tokens) {
    if (token === "[" || token === "{") open++;
    else if (token === "]" || token === "}") open = Math.max(0, open - 1);
    else if (token === "-" || token === "?" || token === ":") compact++;
    else if (token === "\n" || token === "\r\n") compact = 0;
    if (open > maxDepth || (open === 0 && compact > maxDepth)) {
      throw new AgentError(
        "JOB_INVALID",
        `"${name}" is not a job request: it is nested more than ${maxDepth} levels deep`,
      );
    }
    if (++count > maxTokens) {
      throw new AgentError(
        "JOB_INVALID",
        `"${name}" has more than ${maxTokens} elements, too many for YAML: expected JSON for a job of this size`,
      );
    }
  }
}

function toValue(convert: () => unknown, name: string): unknown {
  try {
    return convert();
  } catch (error) {
    const message = toMessage(error).startsWith("Excessive alias")
      ? "its aliases expand to far too much"
      : toMessage(error);
    throw new AgentError("JOB_INVALID", `"${name}" is not usable YAML: ${message}`);
  }
}
