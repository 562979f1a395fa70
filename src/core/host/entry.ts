import { existsSync, readFileSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { AgentError, toMessage } from "../errors.ts";
import type { PluginOrigin } from "../contracts/host.ts";
import { toHint } from "../text/nearest.ts";

export type ExternalOrigin = Exclude<PluginOrigin, { kind: "built-in" }>;

/** Finds the file of a plugin that is given as a path or as a package, relative to `directory`. */
export function findPluginEntry(
  specifier: string,
  directory: string,
  builtInNames: readonly string[],
): ExternalOrigin {
  if (/^\.{0,2}\//.test(specifier) || specifier === "." || specifier === "..") {
    return { kind: "file", specifier, path: findFile(specifier, directory) };
  }
  return { kind: "package", specifier, path: findPackage(specifier, directory, builtInNames) };
}

function findFile(specifier: string, directory: string): string {
  const path = resolve(directory, specifier);
  const stats = inspect(specifier, path);
  if (stats === undefined) {
    throw new AgentError("PLUGIN_UNKNOWN", `no plugin at "${specifier}": ${path} does not exist`);
  }
  return stats.isDirectory() ? findInDirectory(specifier, path) : path;
}

function inspect(specifier: string, path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw new AgentError("PLUGIN_UNKNOWN", `no plugin at "${specifier}": ${toMessage(cause)}`, { cause });
  }
}

/** Bun does not resolve a directory to its index file in the compiled binary. */
function findInDirectory(specifier: string, directory: string): string {
  const named = readEntries(specifier, join(directory, "package.json"));
  const candidates = named.length > 0 ? named : ["index.ts", "index.js", "index.mjs", "index.cjs"];
  const found = candidates.map((name) => join(directory, name)).find((path) => existsSync(path));
  if (found !== undefined) return found;
  const wanted = named.length > 0 ? named.join(", ") : "a package.json that names an entry, or an index.ts";
  throw new AgentError("PLUGIN_UNKNOWN", `no plugin at "${specifier}": ${directory} lacks ${wanted}`);
}

function readEntries(specifier: string, file: string): string[] {
  if (!existsSync(file)) return [];
  try {
    const { exports, main } = JSON.parse(readFileSync(file, "utf8")) as { exports?: unknown; main?: unknown };
    return [...toTargets(exports), ...(typeof main === "string" ? [main] : [])];
  } catch (cause) {
    throw new AgentError("PLUGIN_INVALID", `"${specifier}": ${file} is not valid JSON: ${toMessage(cause)}`, {
      cause,
    });
  }
}

/** Returns the targets of a package's main entry, in the order in which Bun tries them. */
function toTargets(exports: unknown): string[] {
  if (typeof exports === "string") return [exports];
  if (typeof exports !== "object" || exports === null) return [];
  const conditions = exports as Readonly<Record<string, unknown>>;
  return [".", "bun", "node", "import", "require", "default"].flatMap((key) => toTargets(conditions[key]));
}

/** Looks for the directory first: Bun would download a package that is not installed. */
function findPackage(specifier: string, directory: string, builtInNames: readonly string[]): string {
  if (!isInstalled(specifier, directory)) {
    const hint = existsSync(resolve(directory, specifier))
      ? ` (write a file as a path: "./${specifier}")`
      : toHint(specifier, builtInNames);
    throw new AgentError(
      "PLUGIN_UNKNOWN",
      `no plugin named "${specifier}"${hint}, and no package with this name is installed in or above ${directory}`,
    );
  }
  try {
    return Bun.resolveSync(specifier, directory);
  } catch (cause) {
    throw new AgentError("PLUGIN_UNKNOWN", `package "${specifier}" has no entry: ${toMessage(cause)}`, {
      cause,
    });
  }
}

/** Whether the package of an import is installed in or above a directory. */
export function isInstalled(specifier: string, directory: string): boolean {
  const name = specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1);
  if (existsSync(join(directory, "node_modules", ...name))) return true;
  const parent = dirname(directory);
  return parent !== directory && isInstalled(specifier, parent);
}
