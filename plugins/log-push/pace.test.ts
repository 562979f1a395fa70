import { describe, expect, test } from "bun:test";
import { createBackoff, createPace } from "./pace.ts";
import { createBatchSize } from "./batch-size.ts";

describe("the time between two attempts", () => {
  test("grows to its limit, with jitter", () => {
    const backoff = createBackoff({ baseMs: 250, maxMs: 10_000, random: () => 0.5 });
    expect(Array.from({ length: 8 }, () => backoff.next())).toEqual([
      125, 250, 500, 1000, 2000, 4000, 5000, 5000,
    ]);
    backoff.reset();
    expect(backoff.next()).toBe(125);
  });

  test("follows Retry-After up to five minutes", () => {
    const backoff = createBackoff({ baseMs: 250, maxMs: 10_000 });
    expect(backoff.next(20_000)).toBe(20_000);
    expect(backoff.next(86_400_000)).toBe(300_000);
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

  test("grows during continuous output", () => {
    const waitAfterPush = open(100);
    expect([0, 2, 4, 8, 16, 32, 64, 100].map(waitAfterPush)).toEqual([2, 4, 8, 16, 32, 64, 100, 100]);
  });

  test("is short again after a pause", () => {
    const waitAfterPush = open(100);
    expect([0, 2, 4, 200, 4].map(waitAfterPush)).toEqual([2, 4, 8, 2, 4]);
  });

  test("is 0 when interval-ms is 0", () => {
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

  test("shrinks until the batch no longer fits, and grows again after 16 deliveries", () => {
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

  test("does not change for a single event", () => {
    const size = createBatchSize({ maxEvents: 2000, maxBytes: 1024 });
    size.shrink(batch(1, 5000));
    expect(size.limits).toEqual({ maxEvents: 2000, maxBytes: 1024 });
  });
});
