import { describe, expect, test } from "bun:test";
import { jobEvents } from "../job-spool.ts";
import { createScene, type LogBackendSubject, type Scene } from "./scene.ts";

export type { LogBackendPlace, LogBackendSubject } from "./scene.ts";

/** The contract of `LogBackend` as tests for `bun test`. Call it at the top of a test file. */
export function testLogBackend(subject: LogBackendSubject): void {
  describe(`log backend ${subject.name}`, () => {
    testDelivery(subject);
    testCursor(subject);
    testAbort(subject);
    testFailures(subject);
  });
}

/** Defines the tests of one aspect. Each test has a place and a spool of its own. */
function factsOf({ create, timeoutMs = 20_000 }: LogBackendSubject) {
  return (sentence: string, check: (scene: Scene) => Promise<void>): void =>
    test(
      sentence,
      async () => {
        await using scene = await createScene(await create());
        await check(scene);
      },
      timeoutMs,
    );
}

const complete = { trimmed: false, undelivered: 0 };

/** What is delivered, and in which order. */
function testDelivery(subject: LogBackendSubject): void {
  const fact = factsOf(subject);

  fact("delivers the log of a job that has ended completely, once and in order", async (scene) => {
    const events = jobEvents(["one", "two", "☃ <&> \u0001"]);
    scene.spool.append(...events);
    scene.spool.close();
    expect(await scene.run()).toEqual(complete);
    expect(await scene.place.received()).toEqual(events);
    expect(scene.cursor.event).toBe(events.length);
  });

  fact("delivers while the job writes, and finishes at the end of the log", async (scene) => {
    const events = jobEvents(["one", "two"]);
    const running = scene.run();
    for (const event of events) {
      scene.spool.append(event);
      await Bun.sleep(1);
    }
    await scene.hasReceived(events.length);
    scene.spool.close();
    expect(await running).toEqual(complete);
    expect(await scene.place.received()).toEqual(events);
  });

  fact("delivers twenty thousand events", async (scene) => {
    const events = jobEvents(Array.from({ length: 20_000 }, (_, index) => `line ${index}`));
    scene.spool.append(...events);
    scene.spool.close();
    expect(await scene.run()).toEqual(complete);
    const received = await scene.place.received();
    expect(received.length).toBe(events.length);
    const differs = received.findIndex((event, index) => !Bun.deepEquals(event, events[index]));
    expect(differs).toBe(-1);
  });

  fact("delivers nothing of an empty log", async (scene) => {
    scene.spool.close();
    expect(await scene.run()).toEqual(complete);
    expect(await scene.place.received()).toEqual([]);
  });
}

/** When the cursor is saved. */
function testCursor(subject: LogBackendSubject): void {
  const fact = factsOf(subject);

  fact("saves no cursor before the events in front of it are delivered", async (scene) => {
    scene.spool.append(...jobEvents(Array.from({ length: 5000 }, String)));
    scene.spool.close();
    await scene.run();
    expect(scene.saved.length).toBeGreaterThan(0);
    for (const { event, received } of scene.saved) expect(await received).toBeGreaterThanOrEqual(event);
  });

  fact("continues at the saved cursor without a repetition or a gap", async (scene) => {
    const events = jobEvents(["one", "two", "three"]);
    scene.spool.append(...events.slice(0, 3));
    const first = scene.run();
    await scene.hasSaved(3);
    scene.abort();
    await first;
    scene.spool.append(...events.slice(3));
    scene.spool.close();
    expect(await scene.run()).toEqual(complete);
    expect(await scene.place.received()).toEqual(events);
  });
}

/** What happens at the end of the time for a delivery, and at disposal. */
function testAbort(subject: LogBackendSubject): void {
  const fact = factsOf(subject);

  fact("aborted before it starts, it reports the number of undelivered events", async (scene) => {
    scene.spool.append(...jobEvents());
    scene.abort();
    const { undelivered } = await scene.run();
    expect(undelivered + (await scene.place.received()).length).toBe(jobEvents().length);
  });

  fact("resolves after the abort although the log has not ended", async (scene) => {
    scene.spool.append(...jobEvents());
    const running = scene.run();
    await scene.hasSaved(1);
    scene.abort();
    const { undelivered } = await running;
    expect(undelivered).toBe(jobEvents().length - scene.cursor.event);
    // An event whose answer the abort cut off is counted, although the place has it.
    expect(undelivered + (await scene.place.received()).length).toBeGreaterThanOrEqual(jobEvents().length);
  });

  fact("can be disposed twice, also without a run", async (scene) => {
    const backend = scene.open();
    await backend[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
  });

  fact("resolves when it is disposed while it runs", async (scene) => {
    scene.spool.append(...jobEvents());
    const backend = scene.open();
    const running = backend.run(new AbortController().signal);
    await backend[Symbol.asyncDispose]();
    await running;
  });
}

/** What happens when the place fails or refuses events. */
function testFailures(subject: LogBackendSubject): void {
  const fact = factsOf(subject);

  fact("delivers everything in spite of temporary failures", async ({ place, spool, run }) => {
    if (place.fail === undefined) return;
    spool.append(...jobEvents());
    spool.close();
    await place.fail(2);
    expect(await run()).toEqual(complete);
    expect(await place.received()).toEqual(jobEvents());
  });

  fact("reports a trimmed log when the place accepts no more events", async ({ place, spool, run }) => {
    if (place.refuse === undefined) return;
    spool.append(...jobEvents());
    spool.close();
    await place.refuse();
    expect(await run()).toEqual({ trimmed: true, undelivered: jobEvents().length });
  });
}
