import { describe, expect, test } from "bun:test";
import { definePlugin, type PluginContext } from "../../../src/index.ts";
import { createRecordingLogger } from "../../../src/testing/index.ts";
import { failureOf, openHost } from "../../plugins/fixtures.ts";

/** Sets up a plugin that passes its context on. */
async function openContext() {
  let ctx: PluginContext;
  const logger = createRecordingLogger();
  const host = await openHost([definePlugin({ name: "a", setup: (given) => void (ctx = given) })], {
    logger,
  });
  return { ctx: ctx!, host, logger, [Symbol.asyncDispose]: () => host[Symbol.asyncDispose]() };
}

describe("metrics of plugins", () => {
  test("are counted in hooks, and read by every plugin", async () => {
    const read: unknown[] = [];
    const counting = definePlugin({
      name: "counting",
      setup(ctx) {
        const commands = ctx.metrics.counter("commands_total", { help: "Commands.", labels: ["phase"] });
        const codes = ctx.metrics.gauge("exit_code", { help: "The last exit code." });
        const seconds = ctx.metrics.histogram("seconds", { help: "Durations.", buckets: [1] });
        ctx.hook("agent:registered", () => {
          commands.inc(1, { phase: "commands" });
          codes.set(3);
          seconds.observe(0.5);
        });
      },
    });
    const reading = definePlugin({
      name: "reading",
      setup: (ctx) => ctx.hook("agent:registered", () => void read.push(...ctx.metrics.read())),
    });
    await using host = await openHost([counting, reading]);
    await host.call("agent:registered", { slot: 0, name: "a", controlPlane: "b" });
    expect(read).toMatchObject([
      { name: "commands_total", series: [{ labels: { phase: "commands" }, value: 1 }] },
      { name: "exit_code", series: [{ labels: {}, value: 3 }] },
      { name: "seconds", buckets: [1], series: [{ labels: {}, value: 0.5, counts: [1, 0] }] },
    ]);
  });

  test("are declared in setup only", async () => {
    await using a = await openContext();
    expect(() => a.ctx.metrics.gauge("queue", { help: "Queue." })).toThrow(
      "ctx.metrics.gauge can be called only in setup",
    );
  });

  test("with a fault are refused with the plugin's name", async () => {
    const error = await failureOf({
      name: "a",
      setup: (ctx) => void ctx.metrics.counter("x-y", { help: "X." }),
    });
    expect(error.message).toStartWith('plugin "a" failed in setup');
    expect(error.message).toContain('metric "x-y" needs a name of at most 80 ASCII letters');
    expect(error.code).toBe("PLUGIN_INVALID");
  });

  test("without options are refused as well", async () => {
    // @ts-expect-error a plugin may be plain JavaScript
    const error = await failureOf({ name: "a", setup: (ctx) => void ctx.metrics.counter("x_total") });
    expect(error.message).toContain('metric "x_total" needs a "help"');
  });

  test("do not change with the lists that declared them", async () => {
    const labels: ("a" | "b")[] = ["a"];
    const plugin = definePlugin({
      name: "a",
      setup(ctx) {
        ctx.metrics.counter("x_total", { help: "X.", labels }).inc(1, { a: "1", b: "2" });
        labels.push("b");
      },
    });
    await using host = await openHost([plugin]);
    expect(host.metrics.read()[0]!.labels).toEqual(["a"]);
  });
});

describe("the status of a plugin", () => {
  test("is one line, until it is replaced or removed", async () => {
    await using a = await openContext();
    expect(a.host.statuses()).toEqual([]);
    a.ctx.status("3 uploads wait");
    expect(a.host.statuses()).toEqual([{ plugin: "a", text: "3 uploads wait" }]);
    a.ctx.status("the bucket does not answer", { ready: false });
    expect(a.host.statuses()).toEqual([{ plugin: "a", text: "the bucket does not answer", ready: false }]);
    a.ctx.status(undefined);
    expect(a.host.statuses()).toEqual([]);
  });

  test("of any size is bounded and printable", async () => {
    await using a = await openContext();
    a.ctx.status(`\u001b[2J\r\nHello\u202e\u0000${"y".repeat(2 ** 20)}`);
    const [{ text } = { text: "" }] = a.host.statuses();
    expect(text).toStartWith("␛[2J ⏎ Hello�␀yyy");
    expect(text).toHaveLength(1000);
  });

  test.each<[unknown, unknown, string]>([
    [7, undefined, "ctx.status needs a text, not 7"],
    ["", undefined, 'ctx.status needs a text, not ""'],
    ["\n", undefined, "ctx.status needs a text"],
    [
      undefined,
      { ready: false },
      "ctx.status needs a text that says why the agent is not ready, not undefined",
    ],
    ["text", { ready: "no" }, '"ready" of ctx.status must be a boolean, not "no"'],
  ])("%j with %j is refused and changes nothing", async (text, options, message) => {
    await using a = await openContext();
    a.ctx.status("before");
    expect(() => a.ctx.status(text as string, options as object)).toThrow(message);
    expect(a.host.statuses()).toEqual([{ plugin: "a", text: "before" }]);
  });
});
