// Writes what is generated in the documentation: `bun scripts/docs.ts`; `--check` fails when something is stale.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { configurationPage } from "./docs/configuration.ts";
import { exampleFile } from "./docs/example.ts";
import { pluginsPage } from "./docs/plugins.ts";

/** One generated file, or a file with generated parts. */
export interface GeneratedFile {
  /** From the root of the project. */
  readonly file: string;
  /** The whole file as it should be; `current` is what it is, empty when it does not exist. */
  render(current: string): Promise<string>;
}

export const generatedFiles: readonly GeneratedFile[] = [configurationPage, exampleFile, pluginsPage];

/** The files that are not as they should be. With `isCheck` they stay as they are. */
export async function updateDocs(isCheck: boolean): Promise<string[]> {
  const stale: string[] = [];
  for (const { file, render } of generatedFiles) {
    const target = path.join(path.dirname(import.meta.dir), file);
    const current = await readFile(target, "utf8").catch(() => "");
    const wanted = await render(current);
    if (wanted === current) continue;
    stale.push(file);
    if (isCheck) continue;
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, wanted);
  }
  return stale;
}

if (import.meta.main) {
  const isCheck = process.argv.includes("--check");
  const stale = await updateDocs(isCheck);
  for (const file of stale) console.log(isCheck ? `${file} is stale: bun run docs` : `wrote ${file}`);
  if (isCheck && stale.length > 0) process.exitCode = 1;
}
