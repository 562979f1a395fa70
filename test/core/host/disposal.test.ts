import { expect, test } from "bun:test";
import { createHost } from "../../../src/core/host/host.ts";
import { definePlugin, type Plugin } from "../../../src/index.ts";
import { createRecordingLogger } from "../../../src/testing/index.ts";
import { agentStart } from "../../plugins/fixtures.ts";

async function open(plugins: readonly Plugin[], cleanupMs = 1000) {
  const logger = createRecordingLogger();
  const host = await createHost({
    plugins: plugins.map((plugin) => ({ plugin, config: {}, origin: { kind: "built-in" } as const })),
    roles: ["agent"],
    logger,
    cleanupMs,
  });
  const errors = () => logger.entries.filter(({ level }) => level === "error").map(({ message }) => message);
  return { host, errors };
}

test("the last plugin is disposed first, and of each the last clean-up runs first", async () => {
  const seen: string[] = [];
  const create = (name: string) =>
    definePlugin({
      name,
      setup(ctx) {
        for (const step of [1, 2]) {
          ctx.defer(async () => {
            await Bun.sleep(0);
            seen.push(`${name}${step}`);
          });
        }
      },
    });
  const { host } = await open([create("a"), create("b")]);
  await host[Symbol.asyncDispose]();
  expect(seen).toEqual(["b2", "b1", "a2", "a1"]);
});

test("a plugin's signal aborts before its clean-ups run and after the later plugins are disposed", async () => {
  const seen: string[] = [];
  const create = (name: string) =>
    definePlugin({
      name,
      setup(ctx) {
        ctx.signal.addEventListener("abort", () => seen.push(`abort ${name}`));
        ctx.defer(() => void seen.push(`clean ${name}`));
      },
    });
  const { host } = await open([create("a"), create("b")]);
  await host[Symbol.asyncDispose]();
  expect(seen).toEqual(["abort b", "clean b", "abort a", "clean a"]);
});

test("a clean-up that throws or hangs is logged, and the others run", async () => {
  const seen: string[] = [];
  const { host, errors } = await open(
    [
      definePlugin({
        name: "a",
        setup(ctx) {
          ctx.defer(() => void seen.push("first"));
          ctx.defer(() => {
            throw new Error("boom");
          });
          ctx.defer(() => Promise.reject(new Error("bang")));
          ctx.defer(() => new Promise(() => {}));
        },
      }),
    ],
    10,
  );
  await host[Symbol.asyncDispose]();
  expect(seen).toEqual(["first"]);
  expect(errors()).toEqual([
    'plugin "a" did not finish a clean-up within 10 ms',
    'plugin "a" failed in a clean-up: bang',
    'plugin "a" failed in a clean-up: boom',
  ]);
});

test("disposal happens once, and a second call waits for it", async () => {
  const seen: string[] = [];
  const { host } = await open([
    definePlugin({
      name: "a",
      setup: (ctx) =>
        ctx.defer(async () => {
          await Bun.sleep(5);
          seen.push("clean");
        }),
    }),
  ]);
  await Promise.all([host[Symbol.asyncDispose](), host[Symbol.asyncDispose]()]);
  await host[Symbol.asyncDispose]();
  expect(seen).toEqual(["clean"]);
});

test("clean-ups can be deferred in a hook or in another clean-up", async () => {
  const seen: string[] = [];
  const { host } = await open([
    definePlugin({
      name: "a",
      setup(ctx) {
        ctx.hook("agent:start", () =>
          ctx.defer(() => {
            seen.push("opened in a hook");
            ctx.defer(() => void seen.push("deferred by a clean-up"));
          }),
        );
      },
    }),
  ]);
  await host.call("agent:start", agentStart);
  await host[Symbol.asyncDispose]();
  expect(seen).toEqual(["opened in a hook", "deferred by a clean-up"]);
});
