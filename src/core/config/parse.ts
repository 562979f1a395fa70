import { readFileSync, statSync } from "node:fs";
import { dirname, extname } from "node:path";
import type { LoadConfigOptions } from "c12";
import { AgentError, toMessage } from "../errors.ts";
import { toDuration, withDeadline } from "../host/deadline.ts";
import { findJsonLines, type ParsedText, parseYaml } from "./yaml.ts";

/** Reads one configuration file of any format. `shown` is its name in messages. Throws `CONFIG_UNREADABLE`. */
export async function readConfigFile(path: string, shown: string): Promise<ParsedText> {
  const text = readText(path, shown);
  if (isBlank(path, text)) return { content: {}, findLine: () => undefined };
  try {
    return await parse(path, text);
  } catch (error) {
    throw toParseFault(path, shown, error);
  }
}

/** An error with the reference's sentence (protocol section 8.2). */
export function toUnreadable(shown: string, reason: string, cause?: unknown): AgentError {
  return new AgentError("CONFIG_UNREADABLE", `Error reading config file ${shown}: ${reason}`, { cause });
}

const extensions = [
  ".yaml",
  ".yml",
  ".json",
  ".jsonc",
  ".json5",
  ".toml",
  ".ts",
  ".mts",
  ".js",
  ".mjs",
  ".cjs",
];
const maxBytes = 4 * 2 ** 20;
/** Deadline for the code of a TypeScript or JavaScript configuration. */
const loadMs = 10_000;

function readText(path: string, shown: string): string {
  if (!extensions.includes(extname(path))) {
    throw toUnreadable(shown, `its name must end with one of ${extensions.join(", ")}`);
  }
  let bytes: Buffer;
  try {
    const stats = statSync(path);
    if (!stats.isFile())
      throw new Error(stats.isDirectory() ? "it is a directory" : "it is not a regular file");
    if (stats.size > maxBytes) throw new Error(`it is larger than ${maxBytes / 2 ** 20} MiB`);
    bytes = readFileSync(path);
  } catch (error) {
    throw toUnreadable(shown, toReason(error));
  }
  if (bytes.includes(0)) throw toUnreadable(shown, "it is a binary file");
  return bytes.toString("utf8");
}

function toReason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") return "file not found";
  return code === "EACCES" ? "permission denied" : toMessage(error);
}

async function parse(path: string, text: string): Promise<ParsedText> {
  switch (extname(path)) {
    case ".yaml":
    case ".yml":
      return await parseYaml(text);
    case ".json":
      return { content: JSON.parse(text), findLine: await findJsonLines(text) };
    case ".jsonc":
      return { content: Bun.JSONC.parse(text), findLine: await findJsonLines(text) };
    case ".toml":
      return { content: await loadThroughC12(path), findLine: (keys) => findTomlLine(text, keys) };
    default:
      return { content: await loadThroughC12(path), findLine: () => undefined };
  }
}

async function loadThroughC12(path: string): Promise<unknown> {
  const { loadConfig } = await import("c12");
  const late = () => new Error(`it did not load within ${toDuration(loadMs)}`);
  const loading = loadConfig({
    cwd: dirname(path),
    configFile: path,
    configFileRequired: true,
    // c12 only reads the format: its merging loses where a value came from, so layers are merged here.
    extend: false,
    envName: false,
    rcFile: false,
    globalRc: false,
    packageJson: false,
    giget: false,
    dotenv: false,
    merger: (...sources) => sources.find((source) => source !== undefined && source !== null) ?? {},
    jiti: { import: importFile } as NonNullable<LoadConfigOptions["jiti"]>,
  });
  return (await withDeadline(loading, loadMs, late)).config;
}

/** Replaces jiti, which Bun does not need and which does not work in the compiled program. */
async function importFile(path: string): Promise<unknown> {
  const module = (await import(path)) as { readonly default?: unknown };
  if (module.default === undefined)
    throw new Error("it has no default export (expected: export default { … })");
  return module.default;
}

interface ParseError {
  readonly line?: number;
  readonly column?: number;
  readonly position?: { readonly line: number; readonly column: number } | null;
}

/**
 * Converts a parser's error, with its line and column. Quotations from the file may be secrets and are
 * removed, and so the parser's error is not kept as the cause. The message of an error that a TypeScript
 * configuration throws is kept as it is.
 */
function toParseFault(path: string, shown: string, error: unknown): AgentError {
  if (isCode(path) && !(error instanceof BuildMessage)) return toUnreadable(shown, toMessage(error), error);
  const { line, column, position } = error as ParseError;
  const [message = ""] = toMessage(error).split("\n", 1);
  const place = position ?? { line, column };
  // The line of a SyntaxError is the one in our own code.
  const isPlaced = place.line !== undefined && !(error instanceof SyntaxError);
  const where = isPlaced ? ` (line ${place.line}, column ${place.column})` : "";
  return toUnreadable(shown, message.replaceAll(/(["'`]).*\1|(?<=Unexpected )\S+$/g, "…") + where);
}

/** Whether a file contains nothing but comments. */
function isBlank(path: string, text: string): boolean {
  return !isCode(path) && text.split("\n").every((line) => /^\s*(#.*|\/\/.*|---)?\s*$/.test(line));
}

function isCode(path: string): boolean {
  return /\.[cm]?[jt]s$/.test(path);
}

/** Returns the line (from 1) of a key in TOML, or of the innermost table around it. Letter case is ignored. */
function findTomlLine(text: string, path: readonly string[]): number | undefined {
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
