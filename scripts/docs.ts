// Updates generated files and the generated parts of others: `bun scripts/docs.ts`. `--check` changes nothing and
// fails for stale files.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { builtInCommandsFile } from "./docs/built-in-commands.ts";
import { configurationPage } from "./docs/configuration.ts";
import { dependenciesPage } from "./docs/dependencies.ts";
import { errorsPage } from "./docs/errors.ts";
import { exampleFile } from "./docs/example.ts";
import type { GeneratedFile } from "./docs/generated-file.ts";
import { metricsPages } from "./docs/metrics.ts";
import { pluginsPage } from "./docs/plugins.ts";
import { listSdkPages } from "./docs/sdk/pages.ts";
import { serviceUnitFile } from "./docs/service-unit.ts";

const root = path.dirname(import.meta.dir);

const generatedFiles: readonly GeneratedFile[] = [
  builtInCommandsFile,
  configurationPage,
  dependenciesPage,
  errorsPage,
  exampleFile,
  ...metricsPages,
  pluginsPage,
  serviceUnitFile,
];

/** Rewrites stale files and returns their paths. With `isCheck` no file is changed. */
export async function updateDocs(isCheck: boolean): Promise<string[]> {
  const stale: string[] = [];
  for (const { file, render } of [...generatedFiles, ...listSdkPages(root)]) {
    const target = path.join(root, file);
    const current = await readFile(target, "utf8").catch(() => "");
    const expected = await render(current);
    if (expected === current) continue;
    stale.push(file);
    if (isCheck) continue;
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, expected);
  }
  return stale;
}

if (import.meta.main) {
  const isCheck = process.argv.includes("--check");
  const stale = await updateDocs(isCheck);
  for (const file of stale) console.log(isCheck ? `${file} is stale: run "npm run docs"` : `wrote ${file}`);
  if (isCheck && stale.length > 0) process.exitCode = 1;
}
