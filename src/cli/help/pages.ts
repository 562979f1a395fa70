import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { unpackTexts } from "../embedded.ts";

/**
 * The pages of the documentation by name, in Markdown, which the build embeds: `security` is `docs/security.md`, `sdk`
 * is `docs/sdk/README.md`, `sdk/hooks` is `docs/sdk/hooks.md`, and `README` is the map of all pages.
 */
export async function loadPages(): Promise<ReadonlyMap<string, string>> {
  // The build replaces the variable by the packed pages.
  const packed = process.env.SIGNALMAN_PAGES;
  if (packed === undefined) return readPages(resolve(import.meta.dir, "../../../docs"));
  return new Map(Object.entries(unpackTexts(packed)));
}

/** Reads the pages of the directory `docs`, sorted by name. */
export async function readPages(directory: string): Promise<ReadonlyMap<string, string>> {
  const files = await Promise.all(["", "sdk"].map((folder) => listPages(directory, folder)));
  const pages = files.flat().map(async (file) => {
    return [toPageName(file), await readFile(join(directory, file), "utf8")] as const;
  });
  return new Map((await Promise.all(pages)).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Returns the name of a page from its path in `docs`. */
export function toPageName(file: string): string {
  return file.replace(/(\/README)?\.md$/, "");
}

async function listPages(directory: string, folder: string): Promise<string[]> {
  const files = await readdir(join(directory, folder));
  return files.filter((file) => file.endsWith(".md")).map((file) => join(folder, file));
}
