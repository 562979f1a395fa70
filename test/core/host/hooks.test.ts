import { describe, expect, test } from "bun:test";
import { contractVersion } from "../../../src/core/version.ts";
import { AgentError, definePlugin, defineService, type Plugin } from "../../../src/index.ts";
import { createRecordingLogger, testPlugin } from "../../../src/testing/index.ts";
import { agentStart, failureOf, openHost } from "../../plugins/fixtures.ts";

const cache = defineService<{ get(key: string): string }>("acme/cache");

describe("hooks", () => {
  test("listeners are called one after another, in the order of the plugins", async () => {
    const seen: string[] = [];
    const create = (name: string, delayMs: number) =>
      definePlugin({
        name,
        setup(ctx) {
          ctx.hook("agent:start", async ({ version }) => {
            await Bun.sleep(delayMs);
            seen.push(`${name} ${version}`);
          });
        },
      });
    await using host = await openHost([create("slow", 5), create("fast", 0)]);
    await host.call("agent:start", agentStart);
    expect(seen).toEqual(["slow 1", "fast 1"]);
  });

  test("the first error in a gate hook rejects with plugin and hook, and no further listener is called", async () => {
    const seen: string[] = [];
    await using host = await openHost([
      definePlugin({
        name: "a",
        setup(ctx) {
          ctx.hook("agent:start", () => {
            throw new Error("boom");
          });
        },
      }),
      definePlugin({ name: "b", setup: (ctx) => ctx.hook("agent:start", () => void seen.push("b")) }),
    ]);
    const call = host.call("agent:start", agentStart);
    await expect(call).rejects.toMatchObject({
      code: "PLUGIN_FAILED",
      message: 'plugin "a" failed in agent:start: boom',
    });
    expect(seen).toEqual([]);
  });

  test("an error in a notice hook is logged with the plugin's name, and the other listeners are called", async () => {
    const seen: string[] = [];
    const logger = createRecordingLogger();
    const plugins = [
      definePlugin({
        name: "a",
        setup: (ctx) => ctx.hook("agent:stop", () => Promise.reject(new Error("boom"))),
      }),
      definePlugin({ name: "b", setup: (ctx) => ctx.hook("agent:stop", () => void seen.push("b")) }),
    ];
    await using host = await openHost(plugins, { logger });
    await host.call("agent:stop", { reason: "requested" });
    expect(seen).toEqual(["b"]);
    expect(logger.entries.filter(({ level }) => level === "error")).toEqual([
      { level: "error", tag: "a", message: 'plugin "a" failed in agent:stop: boom', fields: {} },
    ]);
  });

  test("a hook of the other process is accepted but not called", async () => {
    const seen: string[] = [];
    const plugin = (runsIn?: Plugin["runsIn"]) =>
      definePlugin({
        name: "a",
        ...(runsIn && { runsIn }),
        setup(ctx) {
          ctx.hook("agent:start", () => void seen.push("agent:start"));
          ctx.hook("job:end", () => void seen.push("job:end"));
        },
      });
    await using inJob = await testPlugin(plugin(), { roles: ["job"] });
    await inJob.call("agent:start");
    await inJob.call("job:end");
    expect(inJob.hooks).toEqual(["agent:start", "job:end"]);
    await using agentOnly = await testPlugin(plugin(["agent"]));
    await agentOnly.call("agent:start");
    await agentOnly.call("job:end");
    expect(seen).toEqual(["job:end", "agent:start"]);
  });

  test("a gate hook can reject a job with its own error", async () => {
    const refusal = new AgentError("JOB_REFUSED", "only jobs of the main branch run here");
    await using t = await testPlugin(
      definePlugin({
        name: "a",
        setup: (ctx) =>
          ctx.hook("job:start", () => {
            throw refusal;
          }),
      }),
    );
    expect(await t.call("job:start").catch((error: unknown) => error)).toBe(refusal);
  });

  test("after disposal no hook is called", async () => {
    const seen: string[] = [];
    const host = await openHost([
      definePlugin({ name: "a", setup: (ctx) => ctx.hook("agent:stop", () => void seen.push("a")) }),
    ]);
    await host[Symbol.asyncDispose]();
    await host.call("agent:stop", { reason: "requested" });
    expect(seen).toEqual([]);
  });
});

describe("misuse", () => {
  test("an unknown hook is rejected with the nearest name", async () => {
    const error = await failureOf({
      name: "a",
      // @ts-expect-error there is no such hook
      setup: (ctx) => ctx.hook("job:strat", () => {}),
    });
    expect(error.code).toBe("HOOK_UNKNOWN");
    expect(error.message).toBe(
      `plugin "a" failed in setup: no hook named "job:strat" (nearest: job:start); this is signalman ${contractVersion}`,
    );
  });

  test("names of object properties are unknown hooks", async () => {
    // @ts-expect-error there is no such hook
    const error = await failureOf({ name: "a", setup: (ctx) => ctx.hook("toString", () => {}) });
    expect(error.code).toBe("HOOK_UNKNOWN");
  });

  test("a listener that is not a function is rejected", async () => {
    // @ts-expect-error a text is no listener
    const error = await failureOf({ name: "a", setup: (ctx) => ctx.hook("job:start", "run") });
    expect(error.code).toBe("PLUGIN_INVALID");
    expect(error.message).toContain('hook "job:start" needs a function, not "run"');
  });

  test("services are not available in setup", async () => {
    for (const what of ["use", "all"] as const) {
      const error = await failureOf({ name: "a", setup: (ctx) => void ctx[what](cache, "x") });
      expect(error.code).toBe("PLUGIN_INVALID");
      expect(error.message).toContain(`ctx.${what} can be called only in hooks`);
    }
  });

  test("hooks and services are registered in setup only", async () => {
    for (const what of ["hook", "provide"] as const) {
      await using t = await testPlugin(
        definePlugin({
          name: "a",
          setup: (ctx) =>
            ctx.hook("agent:start", () =>
              what === "hook" ? ctx.hook("agent:stop", () => {}) : ctx.provide(cache, "x", { get: () => "" }),
            ),
        }),
      );
      await expect(t.call("agent:start")).rejects.toThrow(`ctx.${what} can be called only in setup`);
    }
  });

  test("a clean-up that is not a function is rejected", async () => {
    // @ts-expect-error a text is no function
    const error = await failureOf({ name: "a", setup: (ctx) => ctx.defer("later") });
    expect(error.message).toContain('a clean-up must be a function, not "later"');
  });
});
