import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { createBoundedLineReader } from "../src/os/bounded-lines.ts";

/** What a reader reports: complete lines, and beginnings of lines that are too long. */
function read(chunks: readonly Uint8Array[], maxBytes: number): string[] {
  const seen: string[] = [];
  const lines = createBoundedLineReader({
    maxBytes,
    onLine: (line) => void seen.push(`line ${line}`),
    onTooLong: (start) => void seen.push(`long ${start}`),
  });
  for (const chunk of chunks) lines.push(chunk);
  lines.end();
  return seen;
}

test("lines are those of the whole text, wherever the stream is cut within lines and characters", () => {
  const text = fc
    .array(fc.constantFrom("a", "ż", "語", "😀", "\r", "\n", "\n", "word "), { maxLength: 60 })
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 40 }), (all, size, most) => {
      const bytes = Buffer.from(all);
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      const expected = all.split("\n").map((line) => Buffer.from(line));
      if (expected.at(-1)!.length === 0) expected.pop();
      expect(read(chunks, most)).toEqual(
        expected.map((line) => (line.length > most ? `long ${line.subarray(0, most)}` : `line ${line}`)),
      );
    }),
  );
});

test("a line without an end is reported once and not kept", () => {
  let long = 0;
  const lines = createBoundedLineReader({
    maxBytes: 64 * 1024,
    onLine: () => {},
    onTooLong: () => void (long += 1),
  });
  const chunk = Buffer.alloc(1024 * 1024);
  const before = process.memoryUsage().rss;
  for (let count = 0; count < 1024; count += 1) lines.push(chunk);
  expect(long).toBe(1);
  expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
});

test("a line of single bytes is read in linear time", () => {
  const bytes = Buffer.alloc(4 * 1024 * 1024, "x");
  const chunks = Array.from({ length: bytes.length }, (_, index) => bytes.subarray(index, index + 1));
  expect(read(chunks, bytes.length)[0]!.length).toBe("line ".length + bytes.length);
});

test("the caller can reuse its buffer", () => {
  const seen: string[] = [];
  const lines = createBoundedLineReader({
    maxBytes: 10,
    onLine: (line) => void seen.push(line),
    onTooLong: () => {},
  });
  const buffer = Buffer.from("abc");
  lines.push(buffer);
  buffer.set(Buffer.from("d\ne"));
  lines.push(buffer);
  lines.end();
  expect(seen).toEqual(["abcd", "e"]);
});
