import { describe, expect, test } from "bun:test";
import { hookTable } from "../../../src/core/contracts/hooks.ts";
import { definePlugin, type HookName, type HookOptions } from "../../../src/index.ts";
import { createRecordingLogger } from "../../../src/testing/index.ts";
import { agentStart, failureOf, openHost } from "../../plugins/fixtures.ts";

const reportTimes = { firstMs: 5, repeatMs: 5 };
const event = { reason: "requested" } as const;

/** A plugin whose listener returns when `release` is called. */
function createHanging(hook: HookName, options?: HookOptions) {
  const released = Promise.withResolvers<void>();
  const plugin = definePlugin({
    name: "hanging",
    setup: (ctx) => ctx.hook(hook, () => released.promise, options),
  });
  return { plugin, release: released.resolve };
}

const until = async (isTrue: () => boolean) => {
  while (!isTrue()) await Bun.sleep(1);
};

describe("a listener that does not return", () => {
  test("is reported with plugin and hook, again and again, and listed until it returns", async () => {
    const logger = createRecordingLogger();
    const { plugin, release } = createHanging("agent:exit");
    await using host = await openHost([plugin], { logger, reportTimes });
    const call = host.call("agent:exit", event);
    const reports = () =>
      logger.entries.filter(({ message }) =>
        message.startsWith('plugin "hanging" has not returned from agent:exit for '),
      );
    await until(() => reports().length > 2);
    expect(reports()[0]).toMatchObject({ level: "warn", tag: "hanging" });
    expect(host.hanging()).toMatchObject([{ plugin: "hanging", hook: "agent:exit" }]);
    release();
    await call;
    expect(host.hanging()).toEqual([]);
  });

  test("of a notice is no longer awaited after its deadline, and the next listener is called", async () => {
    const logger = createRecordingLogger();
    const seen: string[] = [];
    const { plugin, release } = createHanging("agent:stop", { timeoutMs: 5 });
    const next = definePlugin({
      name: "next",
      setup: (ctx) => ctx.hook("agent:stop", () => void seen.push("next")),
    });
    await using host = await openHost([plugin, next], { logger, reportTimes });
    await host.call("agent:stop", event);
    expect(seen).toEqual(["next"]);
    expect(logger.entries).toContainEqual({
      level: "error",
      tag: "hanging",
      message: 'plugin "hanging" did not return from agent:stop within 5 ms',
      fields: {},
    });
    release();
  });

  test("of a gate fails the phase at its deadline", async () => {
    const { plugin, release } = createHanging("agent:start", { timeoutMs: 5 });
    await using host = await openHost([plugin]);
    await expect(host.call("agent:start", agentStart)).rejects.toMatchObject({
      code: "PLUGIN_SLOW",
      message: 'plugin "hanging" did not return from agent:start within 5 ms',
    });
    release();
  });

  test("is reported once for all of its calls", async () => {
    const logger = createRecordingLogger();
    const { plugin, release } = createHanging("agent:exit");
    await using host = await openHost([plugin], { logger, reportTimes: { firstMs: 5, repeatMs: 60_000 } });
    const calls = Array.from({ length: 5 }, () => host.call("agent:exit", event));
    await until(() => logger.entries.some(({ level }) => level === "warn"));
    await Bun.sleep(20);
    release();
    await Promise.all(calls);
    expect(logger.entries.filter(({ level }) => level === "warn")).toHaveLength(1);
  });
});

test("notices of the agent, job:stopping and job:end have 30 s, agent:start a minute, agent:interrupted, job:block and job:phase 10 s, agent:exit and the other hooks of a job no limit", () => {
  const entries = Object.entries(hookTable).map(([name, { timeoutMs }]) => [name, timeoutMs] as const);
  const {
    "agent:start": start,
    "agent:exit": exit,
    "agent:interrupted": interrupted,
    "job:block": block,
    "job:phase": phase,
    "job:end": end,
    "job:stopping": stopping,
    ...others
  } = Object.fromEntries(entries);
  expect({ start, exit, end }).toEqual({ start: 60_000, exit: undefined, end: 30_000 });
  expect(stopping).toBe(30_000);
  expect({ interrupted, block, phase }).toEqual({ interrupted: 10_000, block: 10_000, phase: 10_000 });
  for (const [name, timeoutMs] of Object.entries(others)) {
    expect([name, timeoutMs]).toEqual([name, name.startsWith("agent:") ? 30_000 : undefined]);
  }
});

test("a deadline that is not a positive number is refused", async () => {
  for (const timeoutMs of [0, -1, Number.NaN, "5" as never]) {
    const { plugin } = createHanging("agent:stop", { timeoutMs });
    expect((await failureOf(plugin)).message).toContain('"timeoutMs" of hook "agent:stop" must be above 0');
  }
});
