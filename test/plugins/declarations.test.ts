import { expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { collectTypeLicenses, collectTypes } from "../../scripts/build/types.ts";
import { toPluginFiles } from "../../src/cli/plugin-template/files.ts";
import { tmpdir } from "../../src/testing/index.ts";

const root = join(import.meta.dir, "../..");

test("a new plugin is type-checked without packages, by the types that the binary contains", async () => {
  await using directory = await tmpdir();
  const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory.path, path)), { recursive: true });
      await writeFile(join(directory.path, path), text);
    }
  };
  const types = Object.entries(await collectTypes()).map(([path, text]) => [join("types", path), text]);
  expect(types.map(([path]) => path)).toContain("types/LICENSES.txt");
  await write({ ...toPluginFiles("greeter"), ...(Object.fromEntries(types) as Record<string, string>) });
  expect(await check(directory.path)).toEqual([]);

  await write({
    "faults.ts": [
      `import { definePlugin, v } from "signalman";`,
      `import { createSession } from "signalman/executor";`,
      `import { builtIn } from "signalman/testing";`,
      `import { isSameToken } from "signalman/http";`,
      `import { readFileSync } from "node:fs";`,
      `definePlugin({ name: "a", setup: (ctx) => ctx.hook("job:strat", () => {}) });`,
      `createSession(3);`,
      `isSameToken(3, "a");`,
      `const plugin: string = await builtIn("shell");`,
      `const text: number = readFileSync("a", "utf8");`,
      `const schema: number = v.string();`,
      `definePlugin({ name: "a", config: v.object({ a: v.string() }), flags: { b: "b" }, setup() {} });`,
    ].join("\n"),
  });
  const lines = (await check(directory.path)).map((line) => /^faults\.ts\((\d+),/.exec(line)?.[1]);
  expect([...new Set(lines)]).toEqual(["6", "7", "8", "9", "10", "11", "12"]);

  // The declarations are whole: an import that leads nowhere would make its types `any`.
  const inside = await check(directory.path, "--skipLibCheck", "false");
  expect(inside.filter((line) => line.includes("signalman.d.ts"))).toEqual([]);
}, 120_000);

test("the types come with the licence of each package that they are taken from", async () => {
  const text = await collectTypeLicenses();
  for (const name of ["signalman", "valibot", "citty", "bun-types", "@types/node", "undici-types"]) {
    const section = text.split(/^={80}$/m).find((part) => part.trim().startsWith(`${name} `));
    expect(section).toMatch(/Permission is hereby granted, free of charge|Apache License/);
  }
  expect(text).toContain("Copyright 2024 Misha Kaletsky");
});

/** Runs the compiler with the plugin's own tsconfig.json, and returns its errors. */
async function check(directory: string, ...flags: string[]): Promise<string[]> {
  const tsc = Bun.spawn(
    [join(root, "node_modules/.bin/tsc"), "-p", directory, "--pretty", "false", ...flags],
    {
      cwd: directory,
      stdout: "pipe",
    },
  );
  return (await tsc.stdout.text()).split("\n").filter((line) => /^\S/.test(line));
}
