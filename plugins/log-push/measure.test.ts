import { describe, expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { createBackoff, toRetryAfterMs } from "./backoff.ts";
import { createBatchSize } from "./batch-size.ts";
import { createOutage } from "./outage.ts";
import { createPace } from "./pace.ts";

describe("the time between two attempts", () => {
  test("grows to its limit, and is drawn by lot", () => {
    const backoff = createBackoff({ baseMs: 250, maxMs: 10_000, random: () => 0.5 });
    expect(Array.from({ length: 8 }, () => backoff.next())).toEqual([
      125, 250, 500, 1000, 2000, 4000, 5000, 5000,
    ]);
    backoff.reset();
    expect(backoff.next()).toBe(125);
  });

  test("is what the server asks for, five minutes at most", () => {
    const backoff = createBackoff({ baseMs: 250, maxMs: 10_000 });
    expect(backoff.next(20_000)).toBe(20_000);
    expect(backoff.next(86_400_000)).toBe(300_000);
  });

  test.each([
    ["120", 120_000],
    ["Thu, 01 Jan 1970 00:01:30 GMT", 30_000],
    ["Thu, 01 Jan 1970 00:00:30 GMT", 0],
    ["soon", undefined],
    [null, undefined],
  ])("Retry-After: %p asks for %p ms", (header, ms) => {
    expect(toRetryAfterMs(header, 60_000)).toBe(ms as number);
  });
});

describe("the time between two pushes", () => {
  const open = (intervalMs: number) => {
    let now = 1000;
    const pace = createPace(intervalMs, () => now);
    const waitAfterPush = (pauseMs: number): number => {
      now += pauseMs;
      pace.started();
      return pace.due - now;
    };
    return waitAfterPush;
  };

  test("grows while the job goes on printing", () => {
    const waitAfterPush = open(100);
    expect([0, 2, 4, 8, 16, 32, 64, 100].map(waitAfterPush)).toEqual([2, 4, 8, 16, 32, 64, 100, 100]);
  });

  test("is short again after a pause", () => {
    const waitAfterPush = open(100);
    expect([0, 2, 4, 200, 4].map(waitAfterPush)).toEqual([2, 4, 8, 2, 4]);
  });

  test("is nothing when the option says so", () => {
    const waitAfterPush = open(0);
    expect([0, 0, 5].map(waitAfterPush)).toEqual([0, 0, 0]);
  });
});

describe("the size of a request", () => {
  const batch = (events: number, bytes: number) => ({
    start: { event: 0, offset: 0 },
    end: { event: events, offset: bytes },
    lines: new Uint8Array(bytes),
  });

  test("shrinks until the batch no longer fits, and grows again after some deliveries", () => {
    const size = createBatchSize({ maxEvents: 2000, maxBytes: 1024 });
    size.shrink(batch(10, 600));
    expect(size.limits).toEqual({ maxEvents: 1000, maxBytes: 512 });
    size.shrink(batch(10, 100));
    expect(size.limits).toEqual({ maxEvents: 125, maxBytes: 64 });
    for (let delivery = 0; delivery < 15; delivery += 1) size.delivered();
    expect(size.limits.maxEvents).toBe(125);
    size.delivered();
    expect(size.limits.maxEvents).toBe(250);
    for (let delivery = 0; delivery < 100; delivery += 1) size.delivered();
    expect(size.limits).toEqual({ maxEvents: 2000, maxBytes: 1024 });
  });

  test("stays for a single event", () => {
    const size = createBatchSize({ maxEvents: 2000, maxBytes: 1024 });
    size.shrink(batch(1, 5000));
    expect(size.limits).toEqual({ maxEvents: 2000, maxBytes: 1024 });
  });
});

test("an outage is said at its beginning, once a minute with its count, and at its end", () => {
  const logger = createRecordingLogger();
  let now = 0;
  const outage = createOutage(logger, '"http://logs"', () => now);
  outage.recovered();
  for (now = 0; now < 150_000; now += 10_000) outage.failed("it answered 503");
  outage.recovered();
  outage.recovered();
  expect(logger.entries.map(({ level, message, fields }) => [level, message, fields])).toEqual([
    ["warn", 'cannot push the job\'s log to "http://logs": it answered 503; trying again', {}],
    [
      "warn",
      'still cannot push the job\'s log to "http://logs": it answered 503',
      { failures: 7, seconds: 60 },
    ],
    [
      "warn",
      'still cannot push the job\'s log to "http://logs": it answered 503',
      { failures: 13, seconds: 120 },
    ],
    ["info", 'pushes the job\'s log to "http://logs" again', { failures: 15, seconds: 150 }],
  ]);
});
