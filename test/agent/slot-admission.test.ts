import { describe, expect, test } from "bun:test";
import { openSlotAdmission } from "../../src/agent/slot-admission.ts";
import { createSlotNotifier } from "../../src/agent/slot-notifier.ts";
import { createStatusBoard } from "../../src/agent/status-board.ts";
import type { Admission, AdmissionAnswer, AdmissionContext } from "../../src/core/contracts/admission.ts";
import { createHost } from "../../src/core/host/host.ts";
import { definePlugin } from "../../src/core/contracts/plugin.ts";
import { admission } from "../../src/core/contracts/services.ts";
import { createRecordingLogger, jobRequest } from "../../src/testing/index.ts";

const never = new AbortController().signal;
const unlimited = { intervalMs: 3_600_000, pauseMs: 0, answerMs: 60_000 };

/** The admission of a slot, whose plugins are called `a`, `b`, … and answer by `checks`. */
async function createScene(checks: readonly Admission["check"][], times: Partial<typeof unlimited> = {}) {
  await using cleanup = new AsyncDisposableStack();
  const logger = createRecordingLogger();
  const events: string[] = [];
  const listener = definePlugin({
    name: "listener",
    setup(ctx) {
      ctx.hook("agent:paused", ({ reason, plugin }) => void events.push(`paused by ${plugin}: ${reason}`));
      ctx.hook("agent:resumed", () => void events.push("resumed"));
    },
  });
  const guards = checks.map((check, index) => {
    const name = "abc"[index]!;
    return definePlugin({ name, setup: (ctx) => ctx.provide(admission, `guard-${name}`, { check }) });
  });
  const host = cleanup.use(
    await createHost({
      plugins: [listener, ...guards].map((plugin) => ({ plugin, config: {}, origin: { kind: "built-in" } })),
      roles: ["agent"],
      logger,
    }),
  );
  const board = createStatusBoard({ version: "test", stateDirectory: "/nonexistent" });
  const notifier = createSlotNotifier({ slot: 2, host, listeners: [board.slot(2)] });
  const limits = { ...unlimited, ...times };
  const slot = cleanup.use(
    openSlotAdmission({ providers: host.all(admission), notifier, logger, ...limits }),
  );
  const owned = cleanup.move();
  return {
    slot,
    notifier,
    events,
    status: () => board.read().slots[0]!,
    messages: () => logger.entries.map(({ message }) => message),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A check whose answer the test changes, and which counts its calls. */
function createSwitch(first: AdmissionAnswer) {
  const contexts: AdmissionContext[] = [];
  const self = {
    contexts,
    answer: first,
    check: (context: AdmissionContext) => (contexts.push(context), self.answer),
  };
  return self;
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

describe("a slot", () => {
  test("without plugins is admitted, and never paused", async () => {
    await using scene = await createScene([]);
    await scene.slot.admitted(never);
    expect(scene.slot.paused.aborted).toBe(false);
  });

  test("is asked for when its source asks for the first time, and not before", async () => {
    const guard = createSwitch(undefined);
    await using scene = await createScene([guard.check]);
    expect(guard.contexts).toHaveLength(0);
    await scene.slot.admitted(never);
    expect(guard.contexts).toEqual([{ slot: 2, signal: expect.any(AbortSignal) }]);
    expect(scene.status()).toEqual({ slot: 2, state: "starting" });
  });

  test("is paused by the first refusal in the order of the configuration, with its reason", async () => {
    const second = createSwitch({ reason: "disk\nfull", until: "6 GiB are free" });
    await using scene = await createScene([() => undefined, second.check, () => "never shown"]);
    const { paused } = scene.slot;
    await aborted(paused);
    const pause = { reason: "disk ⏎ full", until: "6 GiB are free", plugin: "b", since: expect.any(Number) };
    expect(paused.reason).toEqual(pause);
    expect(scene.status()).toEqual({ slot: 2, state: "paused", paused: pause });
    expect(scene.messages()[0]).toBe('slot paused by plugin "b": disk ⏎ full, until 6 GiB are free');
    expect(scene.events).toEqual(["paused by b: disk ⏎ full"]);
  });

  test("is resumed after two checks that pass, and then has a new signal", async () => {
    const guard = createSwitch("no");
    await using scene = await createScene([guard.check], { intervalMs: 1 });
    const { paused } = scene.slot;
    await aborted(paused);
    guard.answer = undefined;
    const before = guard.contexts.length;
    await scene.slot.admitted(never);
    expect(guard.contexts.length - before).toBeGreaterThanOrEqual(2);
    expect([paused.aborted, scene.slot.paused.aborted]).toEqual([true, false]);
    expect(scene.status()).toEqual({ slot: 2, state: "starting" });
    expect(scene.events).toEqual(["paused by a: no", "resumed"]);
  });

  test("stays paused for the minimum time, however often the checks pass", async () => {
    const guard = createSwitch("no");
    await using scene = await createScene([guard.check], { intervalMs: 1, pauseMs: 3_600_000 });
    await aborted(scene.slot.paused);
    guard.answer = undefined;
    const enough = guard.contexts.length + 20;
    while (guard.contexts.length < enough) await Bun.sleep(1);
    expect(scene.slot.paused.aborted).toBe(true);
    expect(scene.status().state).toBe("paused");
  });

  test("stays paused while single checks pass", async () => {
    const counts: number[] = [];
    const check = () => (counts.push(counts.length) % 2 === 1 ? `no ${counts.length}` : undefined);
    await using scene = await createScene([check], { intervalMs: 1 });
    await aborted(scene.slot.paused);
    while (counts.length < 50) await Bun.sleep(1);
    expect(scene.events).toEqual(["paused by a: no 1"]);
    // The status shows the last reason.
    expect(scene.status().paused?.reason).toMatch(/^no (49|5\d)$/);
  });

  test("is not asked for while its job runs, and as soon as the job has ended", async () => {
    const guard = createSwitch(undefined);
    await using scene = await createScene([guard.check], { intervalMs: 1 });
    await scene.slot.admitted(never);
    const job = jobRequest();
    await scene.notifier.notify("jobFollowed", { job });
    // A check that was under way may still end.
    await Bun.sleep(20);
    const during = guard.contexts.length;
    await Bun.sleep(20);
    expect(guard.contexts).toHaveLength(during);
    guard.answer = "no";
    await scene.notifier.notify("jobFinished", { job });
    const admitted = scene.slot.admitted(never).then(() => "admitted");
    await aborted(scene.slot.paused);
    expect(await Promise.race([admitted, Promise.resolve("waits")])).toBe("waits");
    guard.answer = undefined;
    expect(await admitted).toBe("admitted");
  });

  test("that is paused keeps its job in the status, and is starting once it has disconnected", async () => {
    const guard = createSwitch("no");
    await using scene = await createScene([guard.check], { intervalMs: 1 });
    await scene.notifier.fire("agent:registered", { name: "n", controlPlane: "c" });
    await scene.notifier.fire("agent:synced", { durationMs: 1 });
    await aborted(scene.slot.paused);
    await scene.notifier.notify("jobFollowed", { job: jobRequest() });
    expect(scene.status()).toMatchObject({ state: "running", paused: { reason: "no" } });
    await scene.notifier.notify("jobReleased", { job: jobRequest() });
    scene.slot.disconnected();
    expect(scene.status()).toMatchObject({ state: "paused", name: "n" });
    expect(scene.status().sync).toBeUndefined();
    guard.answer = undefined;
    await scene.slot.admitted(never);
    expect(scene.status()).toMatchObject({ state: "starting" });
    await scene.notifier.fire("agent:registered", { name: "n", controlPlane: "c" });
    expect(scene.status()).toMatchObject({ state: "waiting" });
    await scene.notifier.fire("agent:left", { reason: "idle" });
    expect(scene.status()).toMatchObject({ state: "left" });
  });

  test("whose source does not ask takes jobs, and the log warns", async () => {
    await using scene = await createScene([() => "no"]);
    const job = jobRequest();
    await scene.notifier.fire("agent:job-started", { jobId: job.id, job });
    expect(scene.messages()).toEqual([
      'admission "guard-a" has no effect: the job source does not ask before it takes jobs',
    ]);
  });

  test("that waits to be admitted stops waiting when its signal aborts", async () => {
    await using scene = await createScene([() => "no"]);
    const controller = new AbortController();
    const waiting = scene.slot.admitted(controller.signal);
    await aborted(scene.slot.paused);
    controller.abort();
    await waiting;
    await using stuck = await createScene([() => new Promise(() => {})]);
    await stuck.slot.admitted(controller.signal);
  });
});

describe("a check", () => {
  const consequence = "its last answer counts, and without one the slot takes jobs";

  test("that throws admits the slot, and is named in log and status until it answers", async () => {
    let isBroken = true;
    const check = () => {
      if (isBroken) throw new Error("boom");
    };
    await using scene = await createScene([check], { intervalMs: 1 });
    await scene.slot.admitted(never);
    const fault = 'plugin "a" failed in admission "guard-a".check: boom';
    expect(scene.status().admissionFaults).toEqual([fault]);
    expect(scene.messages()).toEqual([`${fault}; ${consequence}`]);
    isBroken = false;
    while (scene.status().admissionFaults !== undefined) await Bun.sleep(1);
    expect(scene.messages().at(-1)).toBe('plugin "a" answers from admission "guard-a".check again');
  });

  test("that rejects with an abort names the plugin all the same", async () => {
    const check = () => Promise.reject(new DOMException("gone", "AbortError"));
    await using scene = await createScene([check]);
    await scene.slot.admitted(never);
    expect(scene.status().admissionFaults).toEqual(['plugin "a" failed in admission "guard-a".check: gone']);
  });

  test("that throws after a refusal leaves the slot paused", async () => {
    const calls: object[] = [];
    const check = async (context: object) => {
      if (calls.push(context) > 1) throw new Error("boom");
      return "no";
    };
    await using scene = await createScene([check], { intervalMs: 1 });
    await aborted(scene.slot.paused);
    while (calls.length < 20) await Bun.sleep(1);
    expect(scene.status()).toMatchObject({
      state: "paused",
      paused: { reason: "no" },
      admissionFaults: [expect.stringContaining("boom")],
    });
  });

  test("that does not return is called once, its signal aborts, and the other plugins decide", async () => {
    const calls: AdmissionContext[] = [];
    const other = createSwitch(undefined);
    const hung = (context: AdmissionContext) => (calls.push(context), new Promise<undefined>(() => {}));
    await using scene = await createScene([hung, other.check], { intervalMs: 1, answerMs: 10 });
    await scene.slot.admitted(never);
    expect(scene.status().admissionFaults).toEqual([
      'plugin "a" did not return from admission "guard-a".check within 10 ms',
    ]);
    other.answer = "no";
    await aborted(scene.slot.paused);
    expect(calls).toHaveLength(1);
    expect(calls[0]!.signal.aborted).toBe(true);
  });

  test("that returns late is asked again", async () => {
    const late = Promise.withResolvers<string>();
    let calls = 0;
    const check = () => (calls++ === 0 ? late.promise : undefined);
    await using scene = await createScene([check], { intervalMs: 1, answerMs: 10 });
    await scene.slot.admitted(never);
    late.resolve("too late");
    while (scene.status().admissionFaults !== undefined) await Bun.sleep(1);
    expect(scene.slot.paused.aborted).toBe(false);
  });

  test.each([true, null, 0, "", {}, { reason: 3 }, { reason: "a", until: 4 }, []])(
    "that returns %p gives no answer",
    async (answer) => {
      await using scene = await createScene([() => answer as unknown as string]);
      await scene.slot.admitted(never);
      expect(scene.status().admissionFaults).toEqual([
        expect.stringContaining(
          'plugin "a" must return a reason or nothing from admission "guard-a".check, not ',
        ),
      ]);
    },
  );

  test("that returns an unknown member gives no answer, and the nearest name is reported", async () => {
    await using scene = await createScene([() => ({ reason: "full", untill: "empty" })]);
    await scene.slot.admitted(never);
    expect(scene.slot.paused.aborted).toBe(false);
    expect(scene.status().admissionFaults).toEqual([
      'plugin "a" must return "reason" and "until" only from admission "guard-a".check, not "untill" (nearest: until)',
    ]);
  });

  test("that is under way when the slot ends is aborted, and nothing is reported", async () => {
    let signal: AbortSignal | undefined;
    const scene = await createScene([
      (context) => ((signal = context.signal), new Promise<undefined>(() => {})),
    ]);
    void scene.slot.paused;
    await scene[Symbol.asyncDispose]();
    expect(signal?.aborted).toBe(true);
    expect(scene.messages()).toEqual([]);
  });
});
