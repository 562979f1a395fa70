import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pluginsPage } from "../../scripts/docs/plugins.ts";
import { hookTable } from "../../src/core/contracts/hooks.ts";
import { tmpdir } from "../../src/testing/index.ts";
import { run, typeCheck } from "./fixtures.ts";
import { replayPage } from "./replay-page.ts";

const readPage = (name: string) => readFile(join(import.meta.dir, "../../docs", name), "utf8");

test("the tables of hooks and services are up to date", async () => {
  const page = await readPage("plugins-reference.md");
  expect(await pluginsPage.render(page)).toBe(page);
  for (const name of Object.keys(hookTable)) expect(page).toContain(`| \`${name}\` |`);
});

test.each(["plugins.md", "plugins-recipes.md", "plugins-reference.md"])(
  "every example in docs/%s works and type-checks",
  async (name) => {
    await using directory = await tmpdir();
    await replayPage(await readPage(name), directory.path, (args) => run(args, { cwd: directory.path }));
    expect(await typeCheck(directory.path)).toBe("");
  },
  240_000,
);

test("the type check of the page detects errors", async () => {
  await using directory = await tmpdir();
  await Bun.write(
    join(directory.path, "a.ts"),
    'import { definePlugin } from "signalman"; definePlugin({});',
  );
  expect(await typeCheck(directory.path)).toStartWith("a.ts(1,");
}, 60_000);
