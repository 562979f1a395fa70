import { existsSync, readFileSync, type Stats, statSync } from "node:fs";
import { dirname, extname, isAbsolute, join } from "node:path";
import { AgentError } from "../../core/errors.ts";
import { isInstalled } from "../../core/host/entry.ts";
import { toKind } from "../../os/state/file.ts";

/**
 * Lists the files that running a module reads: the module, what it imports, directly or not, and the
 * `package.json` files that determine where packages are found. Imports of computed names are unknown. Throws
 * `CONFIG_INVALID` for a FIFO or device, for which the import would wait.
 */
export function listImportedFiles(module: string): string[] {
  const files = new Set([module]);
  for (const file of files) {
    assertFile(file);
    for (const description of findPackageFiles(dirname(file))) files.add(description);
    for (const specifier of readImports(file)) {
      const imported = resolveImport(specifier, dirname(file));
      if (imported !== undefined) files.add(imported);
    }
  }
  return [...files];
}

/** What is missing, or cannot be examined, is reported by the import with the name of the plugin. */
function assertFile(path: string): void {
  const stats = look(path);
  if (stats === undefined || stats.isFile()) return;
  throw new AgentError("CONFIG_INVALID", `"${path}" is ${toKind(stats)}, and a file is expected; remove it`);
}

function look(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

const loaders = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".jsx": "jsx",
} as const;

function readImports(file: string): string[] {
  const loader = loaders[extname(file) as keyof typeof loaders] as (typeof loaders)[".ts"] | undefined;
  if (loader === undefined) return [];
  try {
    const imports = new Bun.Transpiler({ loader }).scanImports(readFileSync(file, "utf8"));
    return imports.map(({ path }) => path);
  } catch {
    // Loading the module fails in the same way, with the reason.
    return [];
  }
}

function resolveImport(specifier: string, directory: string): string | undefined {
  // Bun would download a package that is not installed.
  if (!/^[./]/.test(specifier) && !isInstalled(specifier, directory)) return undefined;
  try {
    const path = Bun.resolveSync(specifier, directory);
    return isAbsolute(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

function findPackageFiles(directory: string): string[] {
  return listParents(directory)
    .map((parent) => join(parent, "package.json"))
    .filter((file) => existsSync(file));
}

/** Returns a directory and all directories above it. */
function listParents(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [directory, ...listParents(parent)];
}
