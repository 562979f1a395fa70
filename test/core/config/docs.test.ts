import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { builtIns } from "../../../plugins/index.ts";
import { updateDocs } from "../../../scripts/docs.ts";
import { declareBuiltIns } from "../../../scripts/docs/options.ts";
import { load } from "./harness.ts";

const plugins = await Promise.all(Object.values(builtIns).map(async (builtIn) => (await builtIn()).default));
const example = await readFile(join(import.meta.dir, "..", "..", "..", "config.example.yaml"), "utf8");
const options = (await declareBuiltIns()).flatMap((declared) => declared.options);

test("generated files are up to date", async () => {
  expect(await updateDocs(true)).toEqual([]);
});

test("the example file is valid and changes no option", async () => {
  const [bare, given] = await Promise.all([
    load({ builtIns: plugins }),
    load({ builtIns: plugins, files: { "signalman.config.yaml": example } }),
  ]);
  expect(given.config.options).toEqual(bare.config.options);
});

test("every commented option of the example file has its default value", async () => {
  const uncommented = example.replaceAll(/^# ( *[\w-]+:( .*)?)$/gm, "$1");
  const program = await load({ builtIns: plugins, files: { "signalman.config.yaml": uncommented } });
  const bare = await load({ builtIns: plugins });
  for (const name of ["core", ...plugins.map((plugin) => plugin.name)]) {
    expect(program.config.of(name)).toEqual(bare.config.of(name));
  }
  const fromFile = program.config.options
    .filter(({ source }) => source.kind === "file")
    .map(({ key }) => key);
  const withDefault = options.filter(
    (option) => option.inFile && option.default !== undefined && !option.defaultText,
  );
  expect(fromFile).toEqual(withDefault.map(({ key }) => key));
});

test("the page and the example name every option", async () => {
  const page = await readFile(join(import.meta.dir, "..", "..", "..", "docs", "configuration.md"), "utf8");
  for (const { key, name, flag, inFile } of options) {
    expect(page).toContain(`### \`${key}\``);
    if (inFile) expect(example).toContain(`${flag ?? name}:`);
  }
});
