import { describe, expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { AgentError, definePlugin, executor } from "../../../src/index.ts";
import { loadPlugins, type LoadPluginsOptions } from "../../../src/core/host/loader.ts";
import { executorContext, testPlugin } from "../../../src/testing/index.ts";
import { lendSdk } from "../../project.ts";
import { directoryWith } from "../../plugins/fixtures.ts";

const builtIns = {
  shell: async () => ({ default: definePlugin({ name: "shell", setup() {} }) }),
  "log-push": async () => ({ default: definePlugin({ name: "log-push", setup() {} }) }),
};

function load(directory: string, keys: readonly string[], options: Partial<LoadPluginsOptions> = {}) {
  const requests = keys.map((key) => {
    const origin = Object.hasOwn(builtIns, key) ? ("built-in" as const) : ("external" as const);
    return { key, origin };
  });
  return loadPlugins(requests, { builtIns, lendSdk, directory, ...options });
}

const source = (name: string): string => `
import { definePlugin } from "signalman";
export default definePlugin({ name: "${name}", setup() {} });
`;

test("a plugin that cannot be examined is named, with the error of the system", async () => {
  await using directory = await directoryWith({});
  symlinkSync("loop.ts", join(directory.path, "loop.ts"));
  await expect(load(directory.path, ["./loop.ts"])).rejects.toMatchObject({
    code: "PLUGIN_UNKNOWN",
    message: expect.stringContaining('no plugin at "./loop.ts": ELOOP'),
  });
});

describe("a plugin is found", () => {
  test("by a built-in's name, and in the order of the request", async () => {
    await using directory = await directoryWith({ "a.ts": source("a") });
    const loaded = await load(directory.path, ["log-push", "./a.ts", "shell"]);
    expect(loaded.map(({ plugin }) => plugin.name)).toEqual(["log-push", "a", "shell"]);
    expect(loaded.map(({ origin }) => origin)).toEqual([
      { kind: "built-in" },
      { kind: "file", specifier: "./a.ts", path: join(directory.path, "a.ts") },
      { kind: "built-in" },
    ]);
  });

  test("by a path: relative, absolute, in a parent directory, or of a directory", async () => {
    await using directory = await directoryWith({
      "a.ts": source("a"),
      "b.js": source("b"),
      "with-index/index.ts": source("with-index"),
      "with-main/package.json": JSON.stringify({ main: "lib/main.js" }),
      "with-main/lib/main.js": source("with-main"),
      "with-exports/package.json": JSON.stringify({ exports: { ".": { import: "./x.ts" } }, main: "no.js" }),
      "with-exports/x.ts": source("with-exports"),
    });
    const keys = ["./a.ts", join(directory.path, "b.js"), "./with-index", "./with-main/", "./with-exports"];
    const loaded = await load(directory.path, keys);
    expect(loaded.map(({ plugin }) => plugin.name)).toEqual([
      "a",
      "b",
      "with-index",
      "with-main",
      "with-exports",
    ]);
    const [above] = await load(join(directory.path, "with-index"), ["../a.ts"]);
    expect(above?.plugin.name).toBe("a");
  });

  test("by a package name: ESM, CommonJS, scoped, with dependencies, in a parent directory", async () => {
    await using directory = await directoryWith({
      "node_modules/esm/package.json": JSON.stringify({ name: "esm", type: "module", exports: "./index.js" }),
      "node_modules/esm/index.js": `
        import { definePlugin } from "signalman";
        import { greeting } from "dependency";
        export default definePlugin({ name: "esm", description: greeting, setup() {} });`,
      "node_modules/esm/node_modules/dependency/package.json": JSON.stringify({
        name: "dependency",
        main: "x.cjs",
      }),
      "node_modules/esm/node_modules/dependency/x.cjs": `exports.greeting = "hello";`,
      "node_modules/@acme/cjs/package.json": JSON.stringify({ name: "@acme/cjs", main: "./index.js" }),
      "node_modules/@acme/cjs/index.js": `
        const { definePlugin } = require("signalman");
        module.exports = definePlugin({ name: "cjs", setup() {} });`,
      "node_modules/compiled/package.json": JSON.stringify({ name: "compiled", main: "./index.js" }),
      "node_modules/compiled/index.js": `
        Object.defineProperty(exports, "__esModule", { value: true });
        exports.default = require("signalman").definePlugin({ name: "compiled", setup() {} });`,
      "deeper/empty": "",
    });
    const loaded = await load(join(directory.path, "deeper"), ["esm", "@acme/cjs", "compiled"]);
    expect(loaded.map(({ plugin }) => plugin.name)).toEqual(["esm", "cjs", "compiled"]);
    expect(loaded[0]?.plugin.description).toBe("hello");
    expect(loaded[1]?.origin).toMatchObject({ kind: "package", specifier: "@acme/cjs" });
  });
});

describe("an external plugin", () => {
  test("gets the host's SDK, even if another copy is installed beside it", async () => {
    await using directory = await directoryWith({
      "node_modules/signalman/package.json": JSON.stringify({ name: "signalman", main: "index.js" }),
      "node_modules/signalman/index.js": `exports.AgentError = class {}; exports.definePlugin = (p) => p;`,
      "thrower.ts": `
        import { AgentError, definePlugin } from "signalman";
        export default definePlugin({
          name: "thrower",
          setup() { throw new AgentError("SPOOL_FAILED", "no disk"); },
        });`,
      "thrower.cjs": `
        const { AgentError, definePlugin } = require("signalman");
        module.exports = definePlugin({
          name: "thrower-cjs",
          setup() { throw new AgentError("SPOOL_FAILED", "no disk"); },
        });`,
    });
    for (const { plugin } of await load(directory.path, ["./thrower.ts", "./thrower.cjs"])) {
      const error = await testPlugin(plugin).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(AgentError);
      expect(error).toMatchObject({ code: "SPOOL_FAILED", cause: expect.any(AgentError) });
    }
  });

  test("gets signalman/testing", async () => {
    await using directory = await directoryWith({
      "a.ts": `
        import { definePlugin, executor } from "signalman";
        import { dummyExecutor } from "signalman/testing";
        export default definePlugin({
          name: "a",
          setup(ctx) { ctx.provide(executor, "dummy", dummyExecutor); },
        });`,
    });
    const [loaded] = await load(directory.path, ["./a.ts"]);
    await using t = await testPlugin(loaded!.plugin);
    await using made = t.use(executor, "dummy").create(executorContext(directory.path));
    expect(await made.start(new AbortController().signal)).toBe(0);
  });
});

describe("a plugin that cannot be found is refused", () => {
  const cases: readonly (readonly [key: string, message: RegExp])[] = [
    [
      "shel",
      /^no plugin named "shel" \(nearest: shell\), and no package with this name is installed in or above \//,
    ],
    ["acme-notify", /^no plugin named "acme-notify" \(known: shell, log-push\)/],
    ["a.ts", /^no plugin named "a.ts" \(write a file as a path: ".\/a.ts"\)/],
    ["./none.ts", /^no plugin at ".\/none.ts": \/.*\/none.ts does not exist$/],
    ["./folder", /^no plugin at ".\/folder": \/.*\/folder lacks a package.json that names an entry/],
    ["./broken", /^no plugin at ".\/broken": \/.*\/broken lacks lib\/none.js$/],
    ["no-entry", /^package "no-entry" has no entry: /],
  ];
  for (const [key, message] of cases) {
    test(key, async () => {
      await using directory = await directoryWith({
        "a.ts": source("a"),
        "folder/readme.md": "",
        "broken/package.json": JSON.stringify({ main: "lib/none.js" }),
        "node_modules/no-entry/package.json": JSON.stringify({ name: "no-entry", main: "none.js" }),
      });
      await expect(load(directory.path, [key])).rejects.toMatchObject({
        code: "PLUGIN_UNKNOWN",
        message: expect.stringMatching(message),
      });
    });
  }

  test("an unknown built-in name, with the nearest name", async () => {
    const request = loadPlugins([{ key: "shel", origin: "built-in" }], { builtIns, lendSdk, directory: "/" });
    await expect(request).rejects.toMatchObject({
      code: "PLUGIN_UNKNOWN",
      message: 'no plugin named "shel" (nearest: shell)',
    });
  });

  test("a package.json that is not valid JSON", async () => {
    await using directory = await directoryWith({ "bad/package.json": "{" });
    await expect(load(directory.path, ["./bad"])).rejects.toMatchObject({ code: "PLUGIN_INVALID" });
  });
});

describe("the error names the file that cannot be loaded", () => {
  test("top-level code that throws", async () => {
    await using directory = await directoryWith({ "a.ts": `throw new Error("boom"); export default {};` });
    await expect(load(directory.path, ["./a.ts"])).rejects.toMatchObject({
      code: "PLUGIN_FAILED",
      message: `"./a.ts" (${directory.path}/a.ts) failed to load (a.ts:1): boom`,
    });
  });

  test("a syntax error, with its line", async () => {
    await using directory = await directoryWith({ "a.ts": `export default {\n  name: "a",\n  setup( {} };` });
    await expect(load(directory.path, ["./a.ts"])).rejects.toMatchObject({
      code: "PLUGIN_FAILED",
      message: expect.stringMatching(/a\.ts\) failed to load: .*line 3, column \d+/),
    });
  });

  test("a dependency that is not installed", async () => {
    await using directory = await directoryWith({
      "node_modules/x": "",
      "a.ts": `import "not-there-at-all";`,
    });
    await expect(load(directory.path, ["./a.ts"])).rejects.toMatchObject({
      code: "PLUGIN_FAILED",
      message: expect.stringContaining("not-there-at-all"),
    });
  });

  test("top-level code that never ends", async () => {
    await using directory = await directoryWith({
      "a.ts": `await new Promise(() => {});\nexport default {};`,
    });
    await expect(load(directory.path, ["./a.ts"], { importMs: 50 })).rejects.toMatchObject({
      code: "PLUGIN_SLOW",
      message: expect.stringContaining("./a.ts"),
    });
  });
});

describe("two plugins with the same name are rejected", () => {
  test("when one is a built-in, even if it is not loaded", async () => {
    await using directory = await directoryWith({ "a.ts": source("shell") });
    await expect(load(directory.path, ["./a.ts"])).rejects.toMatchObject({
      code: "PLUGIN_INVALID",
      message: `"./a.ts" (${directory.path}/a.ts) has the name "shell", which the built-in plugin has already`,
    });
  });

  test("when another external plugin has it", async () => {
    await using directory = await directoryWith({ "a.ts": source("same"), "b.ts": source("same") });
    await expect(load(directory.path, ["./a.ts", "./b.ts"])).rejects.toThrow(
      /^"\.\/b\.ts" .* has the name "same", which "\.\/a\.ts" .* has already$/,
    );
  });
});
