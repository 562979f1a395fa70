// Collects the type declarations that `signalman plugins new` writes: the SDK, Bun and Node.js with their
// licences, so that a plugin is type-checked where no package can be installed.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { collectLicenses } from "./licenses.ts";

const root = path.dirname(path.dirname(import.meta.dir));
const packages = path.join(root, "node_modules");

/** Module of the SDK → its source. */
export const sdkEntries: Readonly<Record<string, string>> = {
  signalman: "src/index.ts",
  "signalman/executor": "src/executor.ts",
  "signalman/host": "src/host.ts",
  "signalman/http": "src/http.ts",
  "signalman/testing": "src/testing/index.ts",
};

/** Packages whose types are part of the SDK's. */
const inlined = {
  valibot: path.join(packages, "valibot/dist/index.d.mts"),
  citty: path.join(packages, "citty/dist/index.d.mts"),
};

/** Folder in `types/` → package that is copied to it. */
const copied = { bun: "bun-types", node: "@types/node", "undici-types": "undici-types" };

/** Returns the files of the folder `types/` of a plugin: path → text. */
export async function collectTypes(): Promise<Record<string, string>> {
  const files: Record<string, string> = { "signalman.d.ts": await bundleSdk() };
  for (const [folder, name] of Object.entries(copied)) {
    const from = path.join(packages, name);
    const texts = ["package.json", "**/*.d.ts"];
    for (const file of texts.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(from)])) {
      files[`${folder}/${file}`] = await readFile(path.join(from, file), "utf8");
    }
  }
  files["LICENSES.txt"] = await collectTypeLicenses();
  return files;
}

/** Returns the licences of this project and of all packages whose types it brings. */
export function collectTypeLicenses(): Promise<string> {
  const names = [...Object.keys(inlined), ...Object.values(copied)];
  return collectLicenses([root, ...names.map((name) => path.join(packages, name))]);
}

/**
 * Bundles the declarations of the SDK into one file of ambient modules. Ambient modules need no `paths` in a
 * tsconfig.json, which Bun would follow when it runs the plugin.
 */
export async function bundleSdk(): Promise<string> {
  const directory = await emitDeclarations();
  try {
    const modules = new Map<string, string>();
    const pending = Object.values(sdkEntries).map((source) => source.replace(/\.ts$/, ".d.ts"));
    for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
      if (modules.has(file)) continue;
      const from = file;
      const text = await readFile(path.join(directory, from), "utf8");
      const renamed = renameImports(text, (specifier) => {
        if (!specifier.startsWith(".")) return specifier in inlined ? toInlined(specifier) : specifier;
        const target = path.posix.join(path.posix.dirname(from), specifier).replace(/\.ts$/, ".d.ts");
        pending.push(target);
        return toModule(target);
      });
      modules.set(from, toAmbient(toModule(from), renamed));
    }
    for (const [name, file] of Object.entries(inlined)) {
      modules.set(name, toAmbient(toInlined(name), await readFile(file, "utf8")));
    }
    return [...modules.values()].join("\n");
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Runs the compiler into a temporary directory, and returns it. */
async function emitDeclarations(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), "signalman-types-"));
  const tsconfig = path.join(directory, "tsconfig.json");
  await writeFile(
    tsconfig,
    JSON.stringify({
      extends: path.join(root, "tsconfig.json"),
      compilerOptions: {
        noEmit: false,
        declaration: true,
        emitDeclarationOnly: true,
        rootDir: root,
        outDir: directory,
        typeRoots: [path.join(packages, "@types")],
      },
      include: ["src", "plugins"].map((area) => path.join(root, area)),
    }),
  );
  const compiler = Bun.spawn([path.join(packages, ".bin/tsc"), "-p", tsconfig], { stdout: "pipe" });
  const [output, code] = await Promise.all([compiler.stdout.text(), compiler.exited]);
  if (code !== 0) throw new Error(`the declarations of the SDK could not be emitted:\n${output}`);
  return directory;
}

function toModule(file: string): string {
  const entry = Object.entries(sdkEntries).find(([, source]) => source.replace(/\.ts$/, ".d.ts") === file);
  return entry?.[0] ?? `signalman/-/${file.replace(/\.d\.ts$/, "")}`;
}

function toInlined(name: string): string {
  return `signalman/-/${name}`;
}

/** Comments stay as they are: they may show an import. */
function renameImports(text: string, rename: (specifier: string) => string): string {
  return text.replaceAll(
    /^\s*(?:\*|\/\*\*|\/\/).*$|(\bfrom |\bimport\(|^import )"([^"]+)"/gm,
    (line: string, before?: string, specifier?: string) =>
      before === undefined || specifier === undefined ? line : `${before}"${rename(specifier)}"`,
  );
}

/** `declare` is not allowed inside of an ambient module. */
function toAmbient(name: string, text: string): string {
  return `declare module "${name}" {\n${text.replaceAll(/^(export )?declare /gm, "$1").trimEnd()}\n}\n`;
}
