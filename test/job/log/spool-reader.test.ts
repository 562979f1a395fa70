import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { isAgentError } from "../../../src/core/errors.ts";
import { openSpool } from "../../../src/job/log/spool-reader.ts";
import type { SpoolSource } from "../../../src/job/log/spool-source.ts";
import { createSpool } from "../../../src/job/log/spool.ts";
import type { SpoolBatch, SpoolReader } from "../../../src/core/contracts/spool.ts";
import { tmpdir } from "../../../src/testing/fixtures.ts";
import { anyEvent, output, readAll, started } from "./fixtures.ts";

const options = { diskLimitBytes: 2 ** 30, fsyncIntervalMs: 0 };

const codeOf = (error: unknown) => (isAgentError(error) ? error.code : error);

test("readers get each event once and in order, however reads and writes interleave", async () => {
  await using tmp = await tmpdir();
  let file = 0;
  const bounds = fc.record({
    maxEvents: fc.integer({ min: 1, max: 4 }),
    maxBytes: fc.integer({ min: 1, max: 300 }),
  });
  const step = fc.oneof(
    anyEvent.map((event) => ({ event })),
    fc.record({ reader: fc.nat(2), bounds }),
    fc.constant("pause" as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), bounds, async (steps, rest) => {
      const spool = createSpool(join(tmp.path, `${(file += 1)}.ndjson`), options);
      using first = spool.reader();
      using second = openSpool(spool.path, { source: spool });
      using third = spool.reader();
      const readers = [first, second, third].map((reader) => ({
        reader,
        reads: [] as Promise<SpoolBatch | undefined>[],
      }));
      for (const step of steps) {
        if (step === "pause") await Promise.resolve();
        else if ("event" in step) spool.append(step.event);
        else readers[step.reader]!.reads.push(readers[step.reader]!.reader.next(step.bounds));
      }
      spool.close();
      const whole = readFileSync(spool.path, "utf8");
      for (const { reader, reads } of readers) {
        const batches = (await Promise.all(reads)).filter((batch) => batch !== undefined);
        batches.sort((a, b) => a.start.offset - b.start.offset);
        let text = "";
        for (const { start, end, lines } of batches) {
          expect(start).toEqual({ event: text.split("\n").length - 1, offset: Buffer.byteLength(text) });
          text += Buffer.from(lines).toString();
          expect(end).toEqual({ event: text.split("\n").length - 1, offset: Buffer.byteLength(text) });
        }
        expect(text + (await readAll(reader, rest))).toBe(whole);
        expect(await reader.next()).toBeUndefined();
      }
    }),
    { numRuns: 200 },
  );
});

test("a batch respects both limits, and an event over maxBytes is a batch of its own", async () => {
  await using tmp = await tmpdir();
  const spool = createSpool(join(tmp.path, "spool"), options);
  const sizes = [10, 10, 10, 200_000, 10, 10];
  for (const size of sizes) spool.append(output("x".repeat(size)));
  spool.close();
  using reader = spool.reader();
  const lengths: number[] = [];
  for (
    let batch = await reader.next({ maxBytes: 130 });
    batch;
    batch = await reader.next({ maxBytes: 130 })
  ) {
    lengths.push(batch.end.event - batch.start.event);
  }
  expect(lengths).toEqual([2, 1, 1, 2]);
  using other = spool.reader();
  expect((await other.next({ maxEvents: 2 }))?.end.event).toBe(2);
  expect((await other.next({ maxEvents: 9 }))?.end.event).toBe(6);
});

test("a waiting reader is woken by the next event and by the end", async () => {
  await using tmp = await tmpdir();
  const spool = createSpool(join(tmp.path, "spool"), options);
  using reader = spool.reader();
  const first = reader.next();
  spool.append(started());
  expect((await first)?.end.event).toBe(1);
  const second = reader.next();
  spool.close();
  expect(await second).toBeUndefined();
});

test("a reader starts at a cursor", async () => {
  await using tmp = await tmpdir();
  const spool = createSpool(join(tmp.path, "spool"), options);
  for (const text of ["one", "two", "three"]) spool.append(output(text));
  spool.close();
  using reader = spool.reader();
  await reader.next({ maxEvents: 2 });
  using later = openSpool(spool.path, { cursor: reader.cursor });
  const batch = await later.next();
  expect(batch?.start.event).toBe(2);
  expect(Buffer.from(batch!.lines).toString()).toBe(`${JSON.stringify(output("three"))}\n`);
});

test("a cursor within an event or beyond the file is rejected, and so is a missing file", async () => {
  await using tmp = await tmpdir();
  const spool = createSpool(join(tmp.path, "spool"), options);
  spool.append(started());
  for (const offset of [5, spool.stats.bytes + 1])
    expect(() => openAt(spool.path, offset)).toThrow("no event begins");
  expect(() => openAt(join(tmp.path, "none"), 0)).toThrow("ENOENT");
  spool.close();
});

test("an aborted signal ends a wait with its reason, and the reader can continue", async () => {
  await using tmp = await tmpdir();
  const spool = createSpool(join(tmp.path, "spool"), options);
  using reader = spool.reader();
  const controller = new AbortController();
  const waiting = reader.next({ signal: controller.signal });
  controller.abort("enough");
  expect(await waiting.catch((reason: unknown) => reason)).toBe("enough");
  expect(await reader.next({ signal: controller.signal }).catch((reason: unknown) => reason)).toBe("enough");
  spool.append(started());
  expect((await reader.next())?.end.event).toBe(1);
  spool.close();
});

test("disposing a reader ends its wait with an error", async () => {
  await using tmp = await tmpdir();
  using spool = createSpool(join(tmp.path, "spool"), options);
  const reader = spool.reader();
  const waiting = reader.next();
  reader[Symbol.dispose]();
  reader[Symbol.dispose]();
  expect(await waiting.catch(codeOf)).toBe("SPOOL_FAILED");
  expect(await reader.next().catch(codeOf)).toBe("SPOOL_FAILED");
});

test("an incomplete line is not read until it is complete", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  writeFileSync(path, '{"event":');
  const source = createSource();
  using reader = openSpool(path, { source });
  const waiting = reader.next();
  source.wake();
  appendFileSync(path, '"job_started","timestamp":1}\n{"event"');
  source.wake();
  expect(Buffer.from((await waiting)!.lines).toString()).toBe('{"event":"job_started","timestamp":1}\n');
  source.close();
  expect(await reader.next()).toBeUndefined();
});

test("a reader in another process gets all appended events and the end", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  const writer = Bun.spawn([process.execPath, join(import.meta.dir, "spool-writer.ts"), path, "2000"], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const source = createSource();
  const news = writer.stdout[Symbol.asyncIterator]();
  await news.next();
  using reader = openSpool(path, { source });
  const reading = readAll(reader, { maxEvents: 7 });
  for (let item = await news.next(); !item.done; item = await news.next()) source.wake();
  expect(await writer.exited).toBe(0);
  source.close();
  const text = await reading;
  expect(text).toBe(readFileSync(path, "utf8"));
  expect(text.split("\n")).toHaveLength(2001);
});

function openAt(path: string, offset: number): SpoolReader {
  return openSpool(path, { cursor: { event: 0, offset } });
}

/** A stand-in for the socket to the writer's process. */
function createSource(): SpoolSource & { wake(): void; close(): void } {
  const listeners = new Set<() => void>();
  const wake = (): void => listeners.forEach((listener) => listener());
  let closed = false;
  return {
    get closed() {
      return closed;
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    wake,
    close() {
      closed = true;
      wake();
    },
  };
}

test("a reader can rewind to a cursor that it has returned, and to no other position", async () => {
  await using tmp = await tmpdir();
  using spool = createSpool(join(tmp.path, "events.ndjson"), options);
  for (const text of ["one", "two", "three"]) spool.append(output(text));
  using reader = spool.reader();
  const first = await reader.next({ maxEvents: 1 });
  const rest = await reader.next();
  reader.seek(first!.end);
  expect(await reader.next()).toEqual(rest);
  reader.seek({ event: 0, offset: 0 });
  expect(await reader.next({ maxEvents: 1 })).toEqual(first);
  expect(() => reader.seek({ event: 1, offset: 5 })).toThrow("no event begins at byte 5");
  expect(reader.cursor).toEqual(first!.end);
});

test("a peek reads whole events at any position, without moving the cursor or waiting", async () => {
  await using tmp = await tmpdir();
  const spool = createSpool(join(tmp.path, "events.ndjson"), options);
  const lines = [started(), output("one\n"), output("two\n")].map((event) => {
    spool.append(event);
    return `${JSON.stringify(event)}\n`;
  });
  using reader = spool.reader();
  const begin = { event: 0, offset: 0 };
  const text = (batch: SpoolBatch | undefined) => batch && new TextDecoder().decode(batch.lines);
  const first = reader.peek(begin, { maxEvents: 1 })!;
  expect([text(first), first.end.event]).toEqual([lines[0], 1]);
  expect(text(reader.peek(first.end))).toBe(lines.slice(1).join(""));
  expect(reader.peek(reader.peek(begin)!.end)).toBeUndefined();
  expect(reader.cursor).toEqual(begin);
});

test("a peek finds the events that the disk did not accept behind those of the file", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "events.ndjson");
  writeFileSync(path, '{"a":1}\n{"b":2}\n{"cut');
  const source = { ...neverWoken, rest: Buffer.from('{"c":3}\n{"d":4}\n') };
  using reader = openSpool(path, { source });
  const text = (at: number) => {
    const batch = reader.peek({ event: at, offset: at * 8 }, { maxEvents: 1 });
    return batch && new TextDecoder().decode(batch.lines);
  };
  expect([0, 1].map(text)).toEqual(['{"a":1}\n', '{"b":2}\n']);
  expect(text(2)).toBe('{"c":3}\n{"d":4}\n');
  expect(text(3)).toBe('{"d":4}\n');
  expect(text(4)).toBeUndefined();
});

test("a lingering reader collects events until there are enough bytes, or its time is over, or the end", async () => {
  await using tmp = await tmpdir();
  const spool = createSpool(join(tmp.path, "events.ndjson"), options);
  const length = Buffer.byteLength(`${JSON.stringify(output("x"))}\n`);
  using reader = spool.reader();
  const append = async () => {
    spool.append(output("x"));
    await Bun.sleep(1);
  };
  const enough = reader.next({ lingerMs: 60_000, minBytes: 3 * length });
  for (let count = 0; count < 4; count += 1) await append();
  expect((await enough)?.end.event).toBe(3);
  const late = reader.next({ lingerMs: 30, minBytes: 3 * length });
  await append();
  expect((await late)?.end.event).toBe(5);
  const last = reader.next({ lingerMs: 60_000 });
  await append();
  spool.close();
  expect((await last)?.end.event).toBe(6);
  expect(await reader.next({ lingerMs: 60_000 })).toBeUndefined();
});

test("the rest of a spool is counted without reading on, the events that the disk did not accept included", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "events.ndjson");
  writeFileSync(path, '{"a":1}\n{"b":2}\n{"cut');
  const source = { ...neverWoken, rest: Buffer.from('{"c":3}\n{"d":4}\n') };
  using reader = openSpool(path, { source });
  expect(reader.countRest()).toEqual({ events: 4, bytes: 32 });
  await reader.next({ maxEvents: 1 });
  expect(reader.countRest()).toEqual({ events: 3, bytes: 24 });
  while (await reader.next());
  expect(reader.countRest()).toEqual({ events: 0, bytes: 0 });
});

test("the events of a large rest are not counted", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "events.ndjson");
  const bytes = 17 * 2 ** 20;
  writeFileSync(path, Buffer.alloc(bytes, "{}\n"));
  using reader = openSpool(path);
  expect(reader.countRest()).toEqual({ bytes });
});

const neverWoken = { closed: true, watch: () => () => {} };
