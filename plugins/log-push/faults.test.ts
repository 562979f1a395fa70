import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { jobEvents } from "signalman/testing";
import type { Fault } from "./testing/log-server-double.ts";
import { openEnded, openScene, quick } from "./testing/scene.ts";

const delivered = { trimmed: false, undelivered: 0 };
const hundred = jobEvents(Array.from({ length: 96 }, (_, index) => `line ${index}`));
const fine: Fault = { kind: 200, isProcessed: true };
/** A delay that no test can wait for: the retry must be immediate. */
const hour = 3_600_000;

describe("a token that the server rejects", () => {
  test("is renewed, and the batch is sent again at once", async () => {
    await using scene = await openEnded(hundred, { "retry-delay-ms": hour, "retry-delay-max": 1_000_000 });
    scene.server.token = "token-2";
    scene.newTokens.push("token-2");
    expect(await scene.run()).toEqual(delivered);
    expect(scene.server.events()).toEqual(hundred);
    expect(scene.refreshes).toBe(1);
    expect(scene.logger.entries).toEqual([]);
  });

  test("is renewed in the middle of the log too", async () => {
    await using scene = await openEnded(hundred, { ...quick, "max-events": 30, "retry-delay-ms": hour });
    scene.server.faults.push(fine, { kind: 401 });
    scene.newTokens.push("token-1");
    expect(await scene.run()).toEqual(delivered);
    expect(scene.server.requests.map(({ startFrom }) => startFrom)).toEqual([0, 30, 30, 60, 90]);
  });

  test("is renewed again later when the renewed one is rejected too", async () => {
    await using scene = await openEnded(hundred);
    scene.server.token = "token-4";
    scene.newTokens.push("token-2", "token-3", "token-4");
    expect(await scene.run()).toEqual(delivered);
    const tokens = scene.server.requests.map(({ headers }) =>
      headers["authorization"]?.slice("Bearer token-".length),
    );
    expect(tokens).toEqual(["1", "2", "2", "3", "3", "4"]);
  });

  test("is renewed again later when a renewal fails", async () => {
    await using scene = await openEnded(hundred);
    scene.server.token = "token-2";
    const running = scene.run();
    while (scene.refreshes < 3) await Bun.sleep(1);
    scene.newTokens.push("token-2");
    expect(await running).toEqual(delivered);
    expect(scene.server.events()).toEqual(hundred);
  });

  test("is renewed again when the new one is not a valid header value", async () => {
    await using scene = await openEnded(hundred);
    scene.server.token = "token-2";
    scene.newTokens.push("hush\r\nhush", "token-2");
    expect(await scene.run()).toEqual(delivered);
    expect(JSON.stringify(scene.logger.entries)).not.toContain("hush");
  });
});

describe("a body that is too large for the server", () => {
  test("is sent in smaller parts", async () => {
    await using scene = await openEnded(hundred);
    scene.server.maxBodyBytes = 500;
    expect(await scene.run()).toEqual(delivered);
    expect(scene.server.events()).toEqual(hundred);
    expect(scene.logger.entries).toEqual([]);
  });

  test("with a single event is delivered with the beginning of its text, and the other events are complete", async () => {
    const events = jobEvents(["before", "x".repeat(100_000), "after"]);
    await using scene = await openEnded(events);
    scene.server.maxBodyBytes = 5000;
    expect(await scene.run()).toEqual({ trimmed: false, undelivered: 1 });
    const received = scene.server.events();
    expect(received.toSpliced(3, 1)).toEqual(events.toSpliced(3, 1));
    const notice = "[signalman: the log server refused the other 99001 bytes]";
    expect(received[3]).toEqual({
      ...events[3]!,
      output: `${"x".repeat(1000)}\n${notice}\n`,
    } as (typeof events)[3]);
    expect(scene.logger.entries).toMatchObject([{ level: "warn", fields: { event: 3 } }]);
  });

  test("with an event that cannot be shortened is retried until the time is over", async () => {
    await using scene = await openEnded(hundred);
    scene.server.maxBodyBytes = 10;
    const running = scene.run();
    await scene.hasRequests(20);
    scene.abort();
    expect(await running).toEqual({ trimmed: false, undelivered: 100 });
  });
});

test("a server that answers 422 gets no further request, and the events after it are counted as undelivered", async () => {
  await using scene = await openScene(quick, hundred.slice(0, 50));
  scene.server.limitBytes = 100;
  const running = scene.run();
  await scene.hasRequests(1);
  scene.spool.append(...hundred.slice(50, 60));
  await scene.hasRequests(2);
  scene.spool.append(...hundred.slice(60));
  scene.spool.close();
  expect(await running).toEqual({ trimmed: true, undelivered: 50 });
  expect(scene.server.requests).toHaveLength(2);
});

describe("the log is delivered completely, each event once, after", () => {
  test.each([302, 400, 404, 408, 429, 500, 502, 503, 204, "cut" as const])("%p", async (kind) => {
    await using scene = await openEnded(hundred, { ...quick, "max-events": 30 });
    const failed = { kind, headers: { location: `${scene.server.url}/elsewhere` } };
    scene.server.faults.push(failed, fine, failed, { ...failed, isProcessed: true }, failed);
    expect(await scene.run()).toEqual(delivered);
    expect(scene.server.events()).toEqual(hundred);
    expect(scene.server.requests).toHaveLength(8);
  });

  test("no answer", async () => {
    await using scene = await openEnded(hundred, { ...quick, "max-events": 30, "request-timeout": 0.05 });
    scene.server.faults.push({ kind: "hang" }, fine, { kind: "hang", isProcessed: true });
    expect(await scene.run()).toEqual(delivered);
    expect(scene.server.events()).toEqual(hundred);
    expect(scene.logger.entries[0]?.message).toContain("no answer within 0.05 s");
  });

  test("a crash between a delivery and the saving of the cursor", async () => {
    await using scene = await openScene({ ...quick, "max-events": 7 }, hundred.slice(0, 50));
    const running = scene.run();
    await scene.hasRequests(4);
    const saved = scene.cursor;
    await scene.hasRequests(8);
    scene.abort();
    await running;
    scene.spool.append(...hundred.slice(50));
    scene.spool.close();
    scene.cursor = saved;
    expect(await scene.run()).toEqual(delivered);
    expect(scene.server.events()).toEqual(hundred);
  });

  test("any faults in any order", async () => {
    const status = fc.constantFrom(400, 404, 413, 429, 500, 502, 503);
    const kind = fc.oneof(status, fc.constantFrom("cut" as const, 200, 401));
    const fault = fc
      .record({ kind, isProcessed: fc.boolean() })
      .map((each) => (each.kind === 200 ? fine : each));
    const text = fc.string({ unit: "binary", maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 40 }),
        fc.array(fault, { maxLength: 25 }),
        fc.record({ "max-events": fc.integer({ min: 1, max: 12 }) }),
        async (lines, faults, limits) => {
          const events = jobEvents(lines);
          await using scene = await openEnded(events, { ...quick, "retry-delay-max": 0.01, ...limits });
          scene.newTokens.push(...faults.map(() => "token-1"));
          scene.server.faults.push(...faults);
          expect(await scene.run()).toEqual(delivered);
          expect(scene.server.events()).toEqual(events);
        },
      ),
      { numRuns: 100 },
    );
  }, 60_000);
});

test("when the time is over during a request, run returns the number of undelivered events", async () => {
  await using scene = await openEnded(hundred, { ...quick, "max-events": 30 });
  scene.server.faults.push(fine, { kind: "hang" });
  const running = scene.run();
  await scene.hasRequests(2);
  scene.abort();
  expect(await running).toEqual({ trimmed: false, undelivered: 70 });
  expect(scene.cursor.event).toBe(30);
});

describe("the agent's log", () => {
  test("has one line for the failure and one for the recovery, without token and query", async () => {
    await using scene = await openEnded(hundred);
    scene.url = `${scene.server.url}?jwt=hush-hush`;
    const body = "no!\nBearer token-1 ?jwt=hush-hush";
    scene.server.faults.push({ kind: "cut" }, { kind: 503, body }, { kind: 503, body });
    scene.server.faults.push({ kind: 503, body }, { kind: 503, body });
    await scene.run();
    expect(scene.logger.entries.map(({ level }) => level)).toEqual(["warn", "info"]);
    expect(scene.logger.entries[1]?.fields["failures"]).toBe(5);
    expect(JSON.stringify(scene.logger.entries)).not.toMatch(/token-1|hush/);
  });

  test("contains the server's answer without the token that it echoes", async () => {
    await using scene = await openEnded(hundred);
    scene.server.faults.push({ kind: 400, body: 'bad "start_from"\nBearer token-1' });
    await scene.run();
    expect(scene.logger.entries[0]?.message).toEndWith(
      "status 400: bad start_from Bearer [REDACTED]; retrying",
    );
  });

  test("shows no query when the connection is refused", async () => {
    await using scene = await openEnded(hundred);
    scene.url = "http://127.0.0.1:1/logs?jwt=hush-hush";
    const running = scene.run();
    while (scene.logger.entries.length === 0) await Bun.sleep(1);
    scene.abort();
    expect(await running).toEqual({ trimmed: false, undelivered: 100 });
    expect(JSON.stringify(scene.logger.entries)).not.toContain("hush");
  });
});

describe("an answer of the log server that is too large", () => {
  test("is read only as far as its beginning, and memory stays bounded: a compressed bomb", async () => {
    const member = gzipSync(Buffer.alloc(16 * 2 ** 20, "x"));
    const body = Buffer.concat(Array.from({ length: 64 }, () => member));
    await using scene = await openEnded(hundred);
    const before = process.memoryUsage.rss();
    const headers = { "Content-Encoding": "gzip" };
    scene.server.faults.push({ kind: 500, body, headers }, { kind: 503, body, headers });
    expect(await scene.run()).toEqual(delivered);
    expect(scene.server.events()).toEqual(hundred);
    expect(scene.logger.entries[0]?.message).toContain(`status 500: ${"x".repeat(200)}; retrying`);
    expect(process.memoryUsage.rss() - before).toBeLessThan(256 * 2 ** 20);
  });
});
