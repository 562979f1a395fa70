import { describe, expect, test } from "bun:test";
import {
  AgentError,
  definePlugin,
  defineService,
  type Executor,
  executor,
  jobCommand,
  jobPolicy,
  type PluginContext,
} from "../../../src/index.ts";
import { createDummyExecutor, executorContext, testPlugin } from "../../../src/testing/index.ts";

interface Store {
  get(key: string): string;
  load(key: string): Promise<string>;
}
const store = defineService<Store>("acme/store", { methods: ["get", "load"] });
const constant: Store = { get: () => "x", load: async () => "x" };

const provider = (name: string, key: string, value: Store = constant) =>
  definePlugin({ name, setup: (ctx) => ctx.provide(store, key, value) });

describe("a service", () => {
  test("is found by name in hooks, in any order of the plugins", async () => {
    const seen: string[] = [];
    const user = definePlugin({
      name: "user",
      setup: (ctx) => ctx.hook("agent:start", () => void seen.push(ctx.use(store, "main").get("k"))),
    });
    await using t = await testPlugin(provider("last", "main"), { with: [user] });
    await t.call("agent:start");
    expect(seen).toEqual(["x"]);
  });

  test("is the same for two tokens with the same id, as in copies of a package", async () => {
    await using t = await testPlugin(provider("a", "main"));
    expect(t.use(defineService<Store>("acme/store"), "main").get("k")).toBe("x");
  });

  test("that no plugin provides is refused, with the known names", async () => {
    await using t = await testPlugin(provider("a", "main"));
    expect(() => t.use(store, "mian")).toThrow('no acme/store named "mian" (nearest: main)');
    expect(() => t.use(store, "elsewhere")).toThrow('no acme/store named "elsewhere" (known: main)');
    expect(() => t.use(executor, "shell")).toThrow('no executor named "shell" (no plugin provides any)');
    expect(() => t.use(store, "toString")).toThrow(AgentError);
  });

  test("with a name in use is rejected with both plugins", async () => {
    const t = testPlugin(provider("b", "main"), { with: [provider("a", "main")] });
    await expect(t).rejects.toMatchObject({
      code: "SERVICE_TAKEN",
      message: expect.stringMatching(
        /^.*plugin "b" provides acme\/store "main", which plugin "a" already provides$/,
      ),
    });
  });

  test("needs a token, a name and an object", async () => {
    const misuses: ((ctx: PluginContext) => void)[] = [
      // @ts-expect-error no token
      (ctx) => ctx.provide("acme/store", "main", constant),
      // @ts-expect-error no name
      (ctx) => ctx.provide(store, undefined, constant),
      (ctx) => ctx.provide(store, "", constant),
      // @ts-expect-error no object
      (ctx) => ctx.provide(store, "main", "text"),
      // @ts-expect-error no object
      (ctx) => ctx.provide(store, "main", undefined),
    ];
    for (const setup of misuses) {
      await expect(testPlugin(definePlugin({ name: "a", setup }))).rejects.toMatchObject({
        code: "PLUGIN_INVALID",
      });
    }
  });

  test("may have a getter that depends on a service of a later plugin", async () => {
    interface Named extends Store {
      readonly title: string;
    }
    const named = defineService<Named>("acme/named", { methods: ["get"], data: { title: "string" } });
    const user = definePlugin({
      name: "user",
      setup(ctx) {
        ctx.provide(named, "main", {
          ...constant,
          get title() {
            return ctx.use(store, "main").get("title");
          },
        });
      },
    });
    await using t = await testPlugin(provider("last", "main"), { with: [user] });
    expect(t.use(named, "main").title).toBe("x");
    const wrong = definePlugin({
      name: "wrong",
      // @ts-expect-error no text
      setup: (ctx) => ctx.provide(named, "other", { ...constant, title: 1 }),
    });
    await expect(testPlugin(wrong)).rejects.toThrow('its member "title" must be a string, not 1');
  });

  test("without a required member is refused, with the nearest name of its unknown members", async () => {
    const misspelt = (value: object) =>
      testPlugin(definePlugin({ name: "a", setup: (ctx) => ctx.provide(jobPolicy, "mine", value as never) }));
    await expect(misspelt({ chek: () => undefined })).rejects.toThrow(
      'job-policy "mine" of plugin "a" is incomplete: its member "check" is missing (nearest: chek)',
    );
    await expect(misspelt({ answer() {} })).rejects.toThrow(/its member "check" is missing$/);
  });

  test("with a member of another type is refused as wrong", async () => {
    const handler = { run: () => {}, timeoutMs: "5s" } as never;
    const plugin = definePlugin({ name: "a", setup: (ctx) => ctx.provide(jobCommand, "mine", handler) });
    await expect(testPlugin(plugin)).rejects.toThrow(
      'job-command "mine" of plugin "a" is wrong: its member "timeoutMs" must be a number, not "5s"',
    );
  });

  test("for jobs to call has a name of one word", async () => {
    const provide = (name: string) =>
      testPlugin(definePlugin({ name: "a", setup: (ctx) => ctx.provide(jobCommand, name, { run() {} }) }));
    for (const name of ["two words", "Upper", "a/b", "-dash", "new\nline", "é"]) {
      await expect(provide(name)).rejects.toMatchObject({
        code: "PLUGIN_INVALID",
        message: expect.stringMatching(
          /^plugin "a" failed in setup.*: the name of job-command ".*" must be one word of/s,
        ),
      });
    }
    await using t = await provide("mask-count2");
    expect(t.services).toEqual([{ service: "job-command", name: "mask-count2" }]);
  });

  test("can be listed by token, with names in order", async () => {
    await using t = await testPlugin(provider("b", "second"), { with: [provider("a", "first")] });
    expect([...t.all(store).keys()]).toEqual(["first", "second"]);
    expect(t.all(executor).size).toBe(0);
    expect(t.services).toEqual([{ service: "acme/store", name: "second" }]);
  });
});

describe("an error in a service", () => {
  const fail = (): never => {
    throw new Error("boom");
  };

  test("names plugin, service and method, whether it throws or rejects", async () => {
    await using t = await testPlugin(provider("a", "main", { get: fail, load: async () => fail() }));
    const used = t.use(store, "main");
    expect(() => used.get("k")).toThrow('plugin "a" failed in acme/store "main".get: boom');
    await expect(used.load("k")).rejects.toMatchObject({
      code: "PLUGIN_FAILED",
      message: 'plugin "a" failed in acme/store "main".load: boom',
    });
  });

  test("is attributed once, also in the hook of another plugin", async () => {
    const user = definePlugin({
      name: "user",
      setup: (ctx) => ctx.hook("agent:start", () => void ctx.use(store, "main").get("k")),
    });
    await using t = await testPlugin(user, { with: [provider("a", "main", { ...constant, get: fail })] });
    await expect(t.call("agent:start")).rejects.toThrow(
      /^plugin "a" failed in acme\/store "main".get: boom$/,
    );
  });

  test("is attributed in objects of its factories as well: an executor", async () => {
    const broken: Executor = {
      ...createDummyExecutor(executorContext("/nonexistent")),
      start: () => Promise.reject(new Error("boom")),
      [Symbol.asyncDispose]: () => Promise.reject(new Error("bang")),
    };
    const plugin = definePlugin({
      name: "a",
      setup: (ctx) => ctx.provide(executor, "odd", { create: () => broken }),
    });
    await using t = await testPlugin(plugin);
    const made = t.use(executor, "odd").create(executorContext("/nonexistent"));
    const { signal } = new AbortController();
    await expect(made.start(signal)).rejects.toThrow('plugin "a" failed in executor "odd".start: boom');
    await expect(made[Symbol.asyncDispose]()).rejects.toThrow('in executor "odd".asyncDispose: bang');
  });
});
