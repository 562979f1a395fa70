import { describe, expect, test } from "bun:test";
import { createBoundedLineReader } from "../src/os/bounded-lines.ts";

function createReader(maxBytes: number) {
  const lines: string[] = [];
  let tooLong = 0;
  const read = createBoundedLineReader({
    maxBytes,
    onLine: (line) => void lines.push(line),
    onTooLong: () => (tooLong += 1),
  });
  return {
    lines,
    read,
    get tooLong() {
      return tooLong;
    },
  };
}

describe("a bounded line reader", () => {
  test("gives the same lines however the bytes are divided, also within a character", () => {
    const bytes = Buffer.from("one\n\nzwölf ☃ 🎉\nlast\nrest");
    for (let size = 1; size <= bytes.length; size += 1) {
      const reader = createReader(100);
      // Each piece is overwritten after the call.
      const piece = new Uint8Array(size);
      for (let at = 0; at < bytes.length; at += size) {
        const part = bytes.subarray(at, at + size);
        piece.set(part);
        reader.read(piece.subarray(0, part.length));
      }
      expect(reader.lines).toEqual(["one", "", "zwölf ☃ 🎉", "last"]);
      expect(reader.tooLong).toBe(0);
    }
  });

  test("takes a line of the limit, reports a longer one once, and reads nothing after it", () => {
    const reader = createReader(4);
    reader.read(Buffer.from("1234\n12"));
    reader.read(Buffer.from("345"));
    reader.read(Buffer.from("\nnext\n12345\n"));
    expect([reader.lines, reader.tooLong]).toEqual([["1234"], 1]);
  });

  test("holds nothing of a line without an end that is too long", () => {
    const reader = createReader(64 * 1024);
    const chunk = new Uint8Array(1024 * 1024);
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 1000; count += 1) reader.read(chunk);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
    expect([reader.lines, reader.tooLong]).toEqual([[], 1]);
  });
});
