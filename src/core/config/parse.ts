import { readFileSync, statSync } from "node:fs";
import { dirname, extname } from "node:path";
import type { LoadConfigOptions } from "c12";
import { toDuration, withDeadline } from "../host/deadline.ts";
import { AgentError, toMessage } from "../errors.ts";

/** Reads one file of any format through c12. `shown` is its name in messages. Throws `CONFIG_UNREADABLE`. */
export async function readConfigFile(
  path: string,
  shown: string,
): Promise<{ readonly text: string; readonly content: unknown }> {
  const text = readText(path, shown);
  return { text, content: isBlank(path, text) ? {} : await parse(path, shown, text) };
}

/** The reference's sentence (protocol section 8.2). */
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
/** A TypeScript configuration may wait for whatever it likes, but not for ever. */
const loadMs = 10_000;

function readText(path: string, shown: string): string {
  if (!extensions.includes(extname(path))) {
    throw toUnreadable(shown, `its name must end with one of ${extensions.join(", ")}`);
  }
  let bytes: Buffer;
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw new Error(stats.isDirectory() ? "it is a directory" : "it is no regular file");
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
  if (code === "ENOENT" || code === "ENOTDIR") return "there is no such file";
  return code === "EACCES" ? "this user may not read it" : toMessage(error);
}

async function parse(path: string, shown: string, text: string): Promise<unknown> {
  const { loadConfig } = await import("c12");
  const late = () => new Error(`it took over ${toDuration(loadMs)} to load`);
  try {
    // c12 takes what it can from JSON with faults.
    if (extname(path) === ".jsonc") Bun.JSONC.parse(text);
    const loading = loadConfig({
      cwd: dirname(path),
      configFile: path,
      configFileRequired: true,
      // From c12 come the formats. Its merging forgets where a value came from, so that the layers are ours.
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
  } catch (error) {
    // c12 stumbles over a document that is `null`.
    if (error instanceof TypeError && !isCode(path)) return null;
    throw toParseFault(path, shown, error);
  }
}

/** In the place of jiti, which Bun does not need, and which does not work in the compiled program. */
async function importFile(path: string): Promise<unknown> {
  if (extname(path) === ".json") return JSON.parse(readFileSync(path, "utf8"));
  const module = (await import(path)) as { readonly default?: unknown };
  if (module.default === undefined)
    throw new Error("it has no default export (wanted: export default { … })");
  return module.default;
}

interface ParseError {
  readonly reason?: string;
  readonly mark?: { readonly line: number; readonly column: number };
  readonly line?: number;
  readonly column?: number;
  readonly position?: { readonly line: number; readonly column: number } | null;
}

/**
 * What a parser says, and where. What it quotes from the file may be a secret and is left out, so the error itself goes no
 * further. What the code of a TypeScript configuration throws is said as it is.
 */
function toParseFault(path: string, shown: string, error: unknown): AgentError {
  if (isCode(path) && !(error instanceof BuildMessage)) return toUnreadable(shown, toMessage(error), error);
  const { reason, mark, line, column, position } = error as ParseError;
  const [message = ""] = (reason ?? toMessage(error)).split("\n", 1);
  const place = mark ? { line: mark.line + 1, column: mark.column + 1 } : (position ?? { line, column });
  // A SyntaxError's line is the one in our own code.
  const isPlaced = place.line !== undefined && !(error instanceof SyntaxError);
  const where = isPlaced ? ` (line ${place.line}, column ${place.column})` : "";
  return toUnreadable(shown, message.replaceAll(/(["'`]).*\1|(?<=Unexpected )\S+$/g, "…") + where);
}

/** c12 stumbles over a file that holds nothing, or comments only. */
function isBlank(path: string, text: string): boolean {
  return !isCode(path) && text.split("\n").every((line) => /^\s*(#.*|\/\/.*|---)?\s*$/.test(line));
}

function isCode(path: string): boolean {
  return /\.[cm]?[jt]s$/.test(path);
}
