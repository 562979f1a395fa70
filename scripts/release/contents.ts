// The files of a release besides the packages: archives, the npm package, the chart.

import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { bundleSdk, collectTypeLicenses } from "../build/types.ts";
import { writeArchive, type ArchiveEntry } from "./archive.ts";
import type { Binary } from "./binaries.ts";
import { run } from "./run.ts";
import type { SourceTree } from "./source-tree.ts";
import { toArchiveEntries, type UserFiles } from "./user-files.ts";

export interface ContentsOptions {
  readonly version: string;
  readonly tree: SourceTree;
  readonly outdir: string;
  readonly installer: Uint8Array;
  readonly licenses: string;
  readonly userFiles: UserFiles;
}

/** Writes the archive of a platform, as the reference's installers and stacks expect it (protocol section 9). */
export async function writeProgramArchive({ target, file }: Binary, options: ContentsOptions): Promise<void> {
  const { tree, outdir, installer, licenses, userFiles } = options;
  const entries: ArchiveEntry[] = [
    { name: target.program, mode: 0o755, content: { file } },
    ...(target.program === "agent" ? [{ name: "install.sh", mode: 0o755, content: installer }] : []),
    { name: "LICENSE", content: await readFile(path.join(tree.path, "LICENSE")) },
    { name: "licenses.txt", content: Buffer.from(licenses) },
    ...(target.program === "agent" ? toArchiveEntries(userFiles) : []),
  ];
  await writeArchive(path.join(outdir, `${target.archive}.tar.gz`), entries, tree.time);
}

/** Packs the npm package, which runs from its sources and brings Bun along. */
export async function packNpm({ tree, outdir }: Pick<ContentsOptions, "tree" | "outdir">): Promise<void> {
  await addTypes(tree.path);
  const name = run(["npm", "pack", "--silent", "--ignore-scripts"], { cwd: tree.path }).trim();
  await copyFile(path.join(tree.path, name), path.join(outdir, name));
}

/**
 * Adds declarations to the package in a source tree. Without them a compiler would check the sources that a plugin
 * imports by the settings of the plugin's project, and miss the types of their packages.
 */
async function addTypes(root: string): Promise<void> {
  const script = pathToFileURL(path.join(root, "scripts/build/types.ts")).href;
  const types = (await import(script)) as {
    readonly bundleSdk: typeof bundleSdk;
    readonly collectTypeLicenses: typeof collectTypeLicenses;
  };
  const directory = path.join(root, "types");
  await mkdir(directory);
  await writeFile(path.join(directory, "signalman.d.ts"), await types.bundleSdk());
  await writeFile(path.join(directory, "LICENSES.txt"), await types.collectTypeLicenses());
  // It declares every entry point as an ambient module, which takes precedence over the file of an import.
  const entry = '/// <reference path="./signalman.d.ts" />\nexport {};\n';
  await writeFile(path.join(directory, "index.d.ts"), entry);
  const file = path.join(root, "package.json");
  const manifest = JSON.parse(await readFile(file, "utf8")) as PackageManifest;
  const exports = Object.entries(manifest.exports).map(([name, source]) => [
    name,
    source.endsWith(".ts") ? { types: "./types/index.d.ts", default: source } : source,
  ]);
  const changed = { ...manifest, files: [...manifest.files, "types"], exports: Object.fromEntries(exports) };
  await writeFile(file, `${JSON.stringify(changed, undefined, 2)}\n`);
}

interface PackageManifest {
  readonly files: readonly string[];
  readonly exports: Readonly<Record<string, string>>;
}

/** Packs the Helm chart with the version of the release. */
export async function packChart({
  tree,
  outdir,
  version,
}: Pick<ContentsOptions, "tree" | "outdir" | "version">): Promise<void> {
  const chart = path.join(tree.path, "docs/kubernetes/chart");
  const name = "signalman-agent";
  const files = (await readdir(chart, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(chart, path.join(entry.parentPath, entry.name)))
    .toSorted();
  const entries = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(path.join(chart, file), "utf8");
      const content =
        file === "Chart.yaml" ? text.replaceAll(/^((?:app)?[vV]ersion:) .*$/gm, `$1 ${version}`) : text;
      return { name: `${name}/${file}`, content: Buffer.from(content) };
    }),
  );
  await writeArchive(path.join(outdir, `${name}-${version}.tgz`), entries, tree.time);
}
