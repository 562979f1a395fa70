import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { createBoundedLineReader } from "../../../src/core/text/bounded-lines.ts";

/** Returns what a reader reports: complete lines, and `too long` for a longer one. */
function read(chunks: readonly Uint8Array[], maxBytes: number): string[] {
  const seen: string[] = [];
  const push = createBoundedLineReader({
    maxBytes,
    onLine: (line) => void seen.push(`line ${line}`),
    onTooLong: () => void seen.push("too long"),
  });
  for (const chunk of chunks) push(chunk);
  return seen;
}

test("lines are those of the whole text, wherever the stream is cut within lines and characters", () => {
  const text = fc
    .array(fc.constantFrom("a", "ż", "語", "😀", "\r", "\n", "\n", "word "), { maxLength: 60 })
    .map((parts) => `${parts.join("")}\n`);
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40 }), (all, size, most) => {
      const bytes = Buffer.from(all);
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      const expected = all.split("\n").slice(0, -1);
      expect(read(chunks, most)).toEqual(
        expected.map((line) => (Buffer.byteLength(line) > most ? "too long" : `line ${line}`)),
      );
    }),
  );
});

test("a line without an end is reported once and not kept", () => {
  let long = 0;
  const push = createBoundedLineReader({
    maxBytes: 64 * 1024,
    onLine: () => {},
    onTooLong: () => void (long += 1),
  });
  const chunk = Buffer.alloc(1024 * 1024);
  const before = process.memoryUsage().rss;
  for (let count = 0; count < 1024; count += 1) push(chunk);
  expect(long).toBe(1);
  expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
});

test("a line of single bytes is read in linear time", () => {
  const bytes = Buffer.from(`${"x".repeat(1_000_000)}\n`);
  const chunks = Array.from({ length: bytes.length }, (_, index) => bytes.subarray(index, index + 1));
  expect(read(chunks, bytes.length)[0]!.length).toBe("line ".length + bytes.length - 1);
});

test("the caller can reuse its buffer", () => {
  const seen: string[] = [];
  const push = createBoundedLineReader({
    maxBytes: 10,
    onLine: (line) => void seen.push(line),
    onTooLong: () => {},
  });
  const buffer = Buffer.from("abc");
  push(buffer);
  buffer.set(Buffer.from("d\ne"));
  push(buffer);
  push(Buffer.from("\n"));
  expect(seen).toEqual(["abcd", "e"]);
});
