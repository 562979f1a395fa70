import { describe, expect, test } from "bun:test";
import type { HookEvents, HookName, StopCause } from "signalman";
import { createRecordingLogger } from "signalman/testing";
import { toReactions } from "../../src/agent/interrupt-reactions.ts";
import { listenToOperator } from "../../src/agent/operator-signals.ts";

/** An agent with a job, whose plugins are called by `onInterrupt`. */
function createAgent(
  onInterrupt: (event: HookEvents["agent:interrupted"]) => Promise<void> | void,
  { isBusy = true } = {},
) {
  const stops: StopCause[] = [];
  const calls: HookName[] = [];
  const jobs = {
    hangingHooks: () => [],
    isBusy: () => isBusy,
    areContinuable: async () => true,
    areServed: async () => false,
    stopAll: (cause: StopCause) => void stops.push(cause),
    killAll() {},
  };
  const reactions = toReactions([jobs], { logger: Object.assign(createRecordingLogger(), {}) } as never);
  const signals = listenToOperator(reactions);
  const host = {
    async call(name: HookName, event: unknown) {
      calls.push(name);
      await onInterrupt(event as HookEvents["agent:interrupted"]);
    },
  };
  reactions.askPlugins(host as never, signals);
  return { signals, stops, calls };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("the first SIGTERM", () => {
  test("interrupts an agent without jobs at once, and asks no plugin", () => {
    const { signals, calls } = createAgent(() => {}, { isBusy: false });
    using _signals = signals;
    process.emit("SIGTERM");
    expect([signals.interrupt.aborted, calls]).toEqual([true, []]);
    expect(signals.interruptedAt).toBeGreaterThan(0);
  });

  test("waits for the plugins, and interrupts when none of them decides", async () => {
    const answer = Promise.withResolvers<void>();
    const { signals, calls } = createAgent(() => answer.promise);
    using _signals = signals;
    process.emit("SIGTERM");
    expect([signals.interrupt.aborted, calls]).toEqual([false, ["agent:interrupted"]]);
    answer.resolve();
    await settled();
    expect([signals.interrupt.aborted, signals.handOver.aborted]).toEqual([true, false]);
  });

  test("interrupts when the plugins fail", async () => {
    const { signals } = createAgent(() => Promise.reject(new Error("no")));
    using _signals = signals;
    process.emit("SIGTERM");
    await settled();
    expect(signals.interrupt.aborted).toBe(true);
  });

  test("hands over when a plugin says so, and then interrupts nothing", async () => {
    const { signals } = createAgent((event) => event.handOver());
    using _signals = signals;
    process.emit("SIGTERM");
    await settled();
    expect([signals.interrupt.aborted, signals.handOver.aborted]).toEqual([false, true]);
  });

  test("is not turned into a hand-over by a plugin that answers too late", async () => {
    let event: HookEvents["agent:interrupted"] | undefined;
    const { signals } = createAgent((given) => void (event = given));
    using _signals = signals;
    process.emit("SIGTERM");
    await settled();
    event?.handOver();
    expect([signals.interrupt.aborted, signals.handOver.aborted]).toEqual([true, false]);
  });

  test("lets a plugin stop the jobs with a reason, also later", async () => {
    let event: HookEvents["agent:interrupted"] | undefined;
    const { signals, stops } = createAgent((given) => void (event = given));
    using _signals = signals;
    process.emit("SIGTERM");
    await settled();
    expect([await event?.areContinuable(), await event?.areServed()]).toEqual([true, false]);
    event?.stopJobs("the release is gone");
    expect(stops).toEqual([{ by: "agent", reason: "the release is gone" }]);
  });

  test("no longer waits for a plugin once the second one arrives, which stops the jobs", () => {
    const { signals, stops } = createAgent(() => new Promise<void>(() => {}));
    using _signals = signals;
    process.emit("SIGTERM");
    process.emit("SIGTERM");
    expect([signals.interrupt.aborted, signals.second.aborted, stops.length]).toEqual([true, true, 1]);
  });
});
