import { describe, expect, test } from "bun:test";
import { loadPlugins } from "../../../src/core/host/loader.ts";
import { isRange } from "../../../src/core/host/plugin-version.ts";
import { contractVersion } from "../../../src/core/version.ts";
import { definePlugin, executor, type PluginContext } from "../../../src/index.ts";
import { dummyExecutor, testPlugin } from "../../../src/testing/index.ts";
import { lendSdk } from "../../project.ts";
import { directoryWith } from "../../plugins/fixtures.ts";

const thisVersion = `; this is signalman ${contractVersion}`;

async function load(files: Readonly<Record<string, string>>, key = "./a.ts") {
  await using directory = await directoryWith(files);
  const requests = [{ key, origin: "external" as const }];
  return await loadPlugins(requests, { builtIns: {}, lendSdk, directory: directory.path }).then(
    ([loaded]) => loaded?.plugin.name,
    ({ code, message }: { code: string; message: string }) => ({ code, message }),
  );
}

const mismatch = (range: string) => ({
  code: "PLUGIN_INVALID",
  message: expect.stringContaining(`needs signalman "${range}"${thisVersion}: `),
});

/** What a plugin of another version, or one with a typing error, takes the context for. */
interface FutureContext {
  readonly tracing: { begin(name: string): void };
  defre(cleanup: () => void): void;
}

/** A package whose plugin ends the test when its code is executed. */
const packaged = (peer: unknown, source = "process.exit(9);") => ({
  "node_modules/a/package.json": JSON.stringify({ main: "lib/a.js", peerDependencies: { signalman: peer } }),
  "node_modules/a/lib/a.js": source,
});

describe("a plugin for another version is refused with both versions", () => {
  test("by its own range, before any other fault of it", async () => {
    const source = 'export default { name: "a", signalman: ">=9", future: {}, runsIn: ["edge"] };';
    expect(await load({ "a.ts": source })).toEqual(mismatch(">=9"));
    const older = 'export default { name: "a", signalman: "^0.1", setup() {} };';
    expect(await load({ "a.ts": older })).toEqual(mismatch("^0.1"));
  });

  test("by the peer range of its package, before its code is executed", async () => {
    expect(await load(packaged(">=9"), "a")).toEqual(mismatch(">=9"));
    const folder = {
      "a/package.json": JSON.stringify({ main: "a.ts", peerDependencies: { signalman: "9 - 10" } }),
    };
    expect(await load({ ...folder, "a/a.ts": "process.exit(9);" }, "./a")).toEqual(mismatch("9 - 10"));
  });

  test("by the range in its text, when it imports what does not exist here", async () => {
    const source = `
      import { unheardOf } from "signalman";
      export default { name: "a", "signalman": '>=9', setup: (ctx) => ctx.provide(unheardOf, "a", {}) };`;
    expect(await load({ "a.ts": source })).toEqual(mismatch(">=9"));
  });

  test("in tests of the plugin as well", async () => {
    const plugin = definePlugin({ name: "a", signalman: ">=9", setup() {} });
    await expect(testPlugin(plugin)).rejects.toMatchObject(mismatch(">=9"));
  });
});

describe("a plugin is accepted", () => {
  const good = (range: string) => `export default { name: "a", signalman: "${range}", setup() {} };`;

  test.each([">=0.1", `^${contractVersion}`, "0.1 || >=0.2", "*", ">=0.2, <9"])(
    "by the range %s",
    async (range) => {
      expect(await load({ "a.ts": good(range) })).toBe("a");
    },
  );

  test("by its own range, whatever the package says", async () => {
    expect(await load(packaged(">=9", good(">=0.1")), "a")).toBe("a");
  });

  test("when its package names a tag, a path, nothing or nonsense", async () => {
    for (const peer of ["latest", "workspace:*", "file:../signalman", 7, undefined]) {
      expect(await load(packaged(peer, good("*")), "a")).toBe("a");
    }
    const broken = { "a.ts": good("*"), "package.json": "{" };
    expect(await load(broken)).toBe("a");
  });
});

test.each(["nonsense", ">=x.y", "", "1.2.3.4", ">=0.2 and more", 2])("%p is no range", async (range) => {
  expect(isRange(range)).toBe(false);
  const source = `export default { name: "a", signalman: ${JSON.stringify(range)}, setup() {} };`;
  expect(await load({ "a.ts": source })).toEqual({
    code: "PLUGIN_INVALID",
    message: expect.stringContaining('"signalman" must be a range of versions, such as ">=0.2", not '),
  });
});

test("a hostile range is refused at once", () => {
  for (const part of ["1 ", "1    ", "1 - ", "1 || ", "1-1 ", ">=  1  ,  "]) {
    expect(isRange(`${part.repeat(195 / part.length)}!`)).toBe(false);
  }
  expect(isRange("1.".repeat(100_000))).toBe(false);
});

describe("an error by a name that another version may know has the program's version", () => {
  test.each([
    ['import { unheardOf } from "signalman"; export default unheardOf;', "'unheardOf'"],
    ['import { unheardOf } from "signalman/future"; export default unheardOf;', "signalman"],
  ])("%s", async (source, name) => {
    const { message } = (await load({ "a.ts": source })) as { message: string };
    expect(message).toContain(name);
    expect(message).toEndWith(`${thisVersion}, and the plugin may need another version`);
  });

  test("a property of the plugin, and a service that is undefined", async () => {
    const future = 'export default { name: "a", futures: {}, setup() {} };';
    expect(await load({ "a.ts": future })).toMatchObject({ message: expect.stringContaining(thisVersion) });
    const plugin = definePlugin({ name: "a", setup: (ctx) => ctx.provide(undefined as never, "a", {}) });
    await expect(testPlugin(plugin)).rejects.toThrow(`not undefined${thisVersion}`);
  });

  const unknown = { defre: 'has no "defre" (nearest: defer)', tracing: 'has no "tracing"' };
  test.each<[keyof typeof unknown, string, (ctx: FutureContext) => void]>([
    ["defre", "called", (ctx) => ctx.defre(() => {})],
    ["tracing", "read", (ctx) => ctx.tracing.begin("a")],
    ["tracing", "destructured", ({ tracing }) => tracing.begin("a")],
  ])("a property of ctx: %s, %s", async (name, _, setup) => {
    const message = expect.stringMatching(
      new RegExp(
        `failed in setup.*\\("ctx" ${unknown[name].replace(/[()]/g, "\\$&")}.*${contractVersion}\\)$`,
      ),
    );
    await expect(
      testPlugin(definePlugin({ name: "a", setup: (ctx) => setup(ctx as never) })),
    ).rejects.toMatchObject({ message });
    const inHook = definePlugin({
      name: "a",
      setup: (ctx: PluginContext) => ctx.hook("agent:start", () => setup(ctx as never)),
    });
    await using t = await testPlugin(inHook);
    await expect(t.call("agent:start")).rejects.toThrow(/failed in agent:start.*"ctx" has no/);
  });

  test("a plugin may test for a property, and its other errors are not explained", async () => {
    const setup = (ctx: FutureContext) => {
      ctx.tracing?.begin("a");
      if (ctx.tracing === undefined) JSON.stringify({ ...ctx }, () => undefined);
      return (undefined as unknown as FutureContext).defre(() => {});
    };
    const error = await testPlugin(definePlugin({ name: "a", setup: (ctx) => setup(ctx as never) })).catch(
      ({ message }) => message as string,
    );
    expect(error).toStartWith('plugin "a" failed in setup');
    expect(error).not.toContain("has no");
  });
});

describe("a misspelt member of a service, which would never be called", () => {
  const provide = (value: object) =>
    testPlugin(definePlugin({ name: "a", setup: (ctx) => ctx.provide(executor, "odd", value as never) }));

  test("is refused with the nearest name", async () => {
    await expect(provide({ ...dummyExecutor, cleanup() {} })).rejects.toThrow(
      `executor "odd" of plugin "a" has an unknown member "cleanup" (nearest: cleanUp)${thisVersion}`,
    );
    class Factory {
      create = dummyExecutor.create;
      prepareLimit() {}
    }
    await expect(provide(new Factory())).rejects.toThrow('"prepareLimit" (nearest: prepareLimits)');
  });

  test("is not taken for one where the name is the provider's own", async () => {
    class Factory {
      readonly pool = [];
      create = dummyExecutor.create;
      cleanUp = async () => {};
      openConnection() {}
    }
    await using t = await provide(new Factory());
    expect(t.services).toEqual([{ service: "executor", name: "odd" }]);
  });
});
