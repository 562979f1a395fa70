// Collects the licence texts of the packages that the binary and the types of a plugin contain.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

const root = path.dirname(path.dirname(import.meta.dir));

/** Texts of licences, for packages that name a licence in package.json and contain no text. */
const standardTexts = path.join(import.meta.dir, "licenses");

/**
 * Returns the folders of the packages that a file in each of these paths belongs to. Paths are relative to
 * the working directory, as the bundler gives them.
 */
export function findPackageFolders(files: readonly string[]): string[] {
  const folders = files.flatMap(
    (file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path.resolve(file)) ?? [],
  );
  return [...new Set(folders)];
}

/** Returns one text with name, version and licence of each package, ordered by name. */
export async function collectLicenses(folders: readonly string[]): Promise<string> {
  const sections = await Promise.all(folders.map(readPackage));
  return [...new Set(sections)].toSorted().join(`\n${"=".repeat(80)}\n\n`);
}

/** A package that is a part of the program. */
export interface PackagePart {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly license: string;
}

/** Lists name, version and licence of each package, ordered by name. */
export async function listParts(folders: readonly string[]): Promise<PackagePart[]> {
  const parts = await Promise.all(
    folders.map(async (folder) => {
      const { name, version, license, licenses } = await readManifest(folder);
      return { name, version, license: license ?? licenses?.[0]?.type ?? "NOASSERTION" };
    }),
  );
  const byKey = new Map(parts.map((part) => [`${part.name}@${part.version}`, part]));
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
}

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  /** The spelling before SPDX expressions. */
  readonly licenses?: readonly { readonly type: string }[];
  readonly author?: string | { readonly name: string };
}

async function readPackage(folder: string): Promise<string> {
  const manifest = await readManifest(folder);
  const texts = await readTexts(folder);
  if (texts.length === 0) texts.push(await readStandardText(manifest));
  const notices =
    manifest.name === "bun-types" ? [await readBunNotice(folder), await readExpectType(folder)] : [];
  return `${manifest.name} ${manifest.version}\n\n${[...texts, ...notices].map((text) => `${text.trim()}\n`).join("\n")}`;
}

async function readManifest(folder: string): Promise<PackageJson> {
  return JSON.parse(await readFile(path.join(folder, "package.json"), "utf8")) as PackageJson;
}

async function readTexts(folder: string): Promise<string[]> {
  const files = (await readdir(folder))
    .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    .toSorted();
  return Promise.all(files.map((file) => readFile(path.join(folder, file), "utf8")));
}

async function readStandardText({
  name,
  license = "",
  author = `the authors of ${name}`,
}: PackageJson): Promise<string> {
  const file = path.join(standardTexts, `${license}.txt`);
  const text = await readFile(file, "utf8").catch(() => {
    throw new Error(`package "${name}" contains no licence text: write the text of "${license}" to ${file}`);
  });
  return text.replace("AUTHOR", typeof author === "string" ? author : author.name);
}

/** What the runtime links, which is a part of the binary. */
async function readBunNotice(folder: string): Promise<string> {
  const page = await readFile(path.join(folder, "docs/project/license.mdx"), "utf8");
  return page.replace(/^---[\s\S]*?---\n/, "");
}

/** The package contains another one, under the licence of this project. */
async function readExpectType(folder: string): Promise<string> {
  const source = await readFile(path.join(folder, "vendor/expect-type/index.d.ts"), "utf8");
  const notice = /^\/\*([\s\S]*?)\*\//.exec(source)?.[1] ?? "";
  return `vendor/expect-type\n\n${notice.replaceAll(/^ +/gm, "").trim()}\n\n${await readFile(path.join(root, "LICENSE"), "utf8")}`;
}
