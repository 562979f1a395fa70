import { describe, expect, test } from "bun:test";
import { createHost, type HostOptions } from "../../../src/core/host/host.ts";
import { definePlugin, defineService, executor, type Plugin } from "../../../src/index.ts";
import { createRecordingLogger, dummyExecutor } from "../../../src/testing/index.ts";
import { agentStart, failureOf, openHost } from "../../plugins/fixtures.ts";

const cache = defineService<{ get(key: string): string }>("acme/cache");

describe("setting up", () => {
  test("plugins are set up in the order of the configuration, each with its own config and logger", async () => {
    const seen: unknown[] = [];
    const logger = createRecordingLogger();
    const create = (name: string) =>
      definePlugin({
        name,
        async setup(ctx, config) {
          await Bun.sleep(0);
          ctx.log.info("hello");
          seen.push([name, config]);
        },
      });
    const host = await createHost({
      plugins: ["b", "a"].map((name) => ({
        plugin: create(name),
        config: { of: name },
        origin: { kind: "built-in" },
      })),
      roles: ["agent"],
      logger,
    });
    await host[Symbol.asyncDispose]();
    expect(seen).toEqual([
      ["b", { of: "b" }],
      ["a", { of: "a" }],
    ]);
    expect(logger.entries.map(({ tag, message }) => `${tag}: ${message}`)).toEqual(["b: hello", "a: hello"]);
  });

  test("a plugin that throws is reported with its cause", async () => {
    const boom = new Error("boom");
    const error = await failureOf({
      name: "a",
      setup() {
        throw boom;
      },
    });
    expect(error.code).toBe("PLUGIN_FAILED");
    expect(error.message).toBe('plugin "a" failed in setup: boom');
    expect(error.cause).toBe(boom);
  });

  test("a plugin that hangs is reported after the deadline", async () => {
    const error = await failureOf({ name: "a", setup: () => new Promise(() => {}) }, { setupMs: 10 });
    expect(error.code).toBe("PLUGIN_SLOW");
    expect(error.message).toStartWith('plugin "a" did not finish setup within 10 ms (');
  });

  test("registrations after the deadline are ignored, and clean-ups deferred then run at once", async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: cleaned, resolve: clean } = Promise.withResolvers<void>();
    const late = definePlugin({
      name: "late",
      async setup(ctx) {
        await released;
        ctx.hook("agent:start", () => {});
        ctx.provide(cache, "late", { get: () => "" });
        ctx.defer(clean);
      },
    });
    expect((await failureOf(late, { setupMs: 10 })).code).toBe("PLUGIN_SLOW");
    release();
    await cleaned;
  });

  test("when a plugin fails, it and the earlier ones are disposed, and the later ones are not set up", async () => {
    const seen: string[] = [];
    const create = (name: string, fails = false) =>
      definePlugin({
        name,
        setup(ctx) {
          seen.push(`set up ${name}`);
          ctx.defer(() => void seen.push(`clean ${name}`));
          if (fails) throw new Error("boom");
        },
      });
    await expect(openHost([create("a"), create("b", true), create("c")])).rejects.toThrow('plugin "b"');
    expect(seen).toEqual(["set up a", "set up b", "clean b", "clean a"]);
  });

  test("a plugin is set up only in the processes of runsIn", async () => {
    const create = (name: string, runsIn?: Plugin["runsIn"]): Plugin => ({
      name,
      ...(runsIn && { runsIn }),
      setup() {},
    });
    const plugins = [
      create("both"),
      create("agent-only", ["agent"]),
      create("job-only", ["job"]),
      create("none", []),
    ];
    const namesIn = async (roles: HostOptions["roles"]) => {
      await using host = await openHost(plugins, { roles });
      return host.describe().map(({ plugin }) => plugin);
    };
    expect(await namesIn(["agent"])).toEqual(["both", "agent-only"]);
    expect(await namesIn(["job"])).toEqual(["both", "job-only"]);
    expect(await namesIn(["agent", "job"])).toEqual(["both", "agent-only", "job-only"]);
  });
});

test("an executor must run in the agent and in jobs: the agent cleans up after it", async () => {
  const create = (runsIn?: Plugin["runsIn"]) =>
    definePlugin({
      name: "a",
      ...(runsIn && { runsIn }),
      setup: (ctx) => ctx.provide(executor, "nice", dummyExecutor),
    });
  await expect(openHost([create(["job"])], { roles: ["job"] })).rejects.toMatchObject({
    code: "PLUGIN_INVALID",
    message: expect.stringContaining(
      'plugin "a" provides executor "nice", which is used in the process "agent": add "agent" to its "runsIn"',
    ),
  });
  for (const runsIn of [undefined, ["agent", "job"] as const]) {
    await using host = await openHost([create(runsIn)]);
    expect(host.all(executor).size).toBe(1);
  }
});

describe("stopping", () => {
  test("ctx.stop passes on the plugin and the reason", async () => {
    const stops: unknown[] = [];
    const plugin = definePlugin({
      name: "a",
      setup: (ctx) => ctx.hook("agent:start", () => ctx.stop("idle")),
    });
    await using host = await openHost([plugin], { onStop: (...args) => void stops.push(args) });
    await host.call("agent:start", agentStart);
    expect(stops).toEqual([["idle", "a"]]);
  });

  test("ctx.stop logs a warning in a command that cannot be stopped", async () => {
    const logger = createRecordingLogger();
    const plugin = definePlugin({
      name: "a",
      setup: (ctx) => ctx.hook("agent:start", () => ctx.stop("idle")),
    });
    await using host = await openHost([plugin], { logger });
    await host.call("agent:start", agentStart);
    expect(logger.entries.filter(({ level }) => level === "warn")).toMatchObject([{ tag: "a" }]);
  });
});
