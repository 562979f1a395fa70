import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { createChunker } from "../../../src/job/log/chunker.ts";
import { createEncoder } from "../../../src/job/log/events.ts";
import { cutAt } from "./fixtures.ts";

const never = 2 ** 30;

const toString = (text: Uint8Array) => Buffer.from(text).toString();

/** Bytes with line ends, multi-byte characters, byte order marks and invalid UTF-8. */
const anyBytes = fc
  .array(
    fc.oneof(
      fc.constantFrom("\r\n", "\r", "\n", "a", "é", "日", "🙂", "\uFEFF").map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom("ff", "e2", "e282", "f0", "f09f", "f09f98", "c0af", "eda080", "f5", "80")
        .map((hex) => Buffer.from(hex, "hex")),
    ),
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));

const anyCuts = fc.array(fc.nat(1000), { maxLength: 10 });

/** Returns the texts as they are in the log. */
function chunk(pieces: readonly Uint8Array[], maxBytes: number): string[] {
  const texts: string[] = [];
  const encoder = createEncoder();
  const emit = (text: Uint8Array) =>
    texts.push(JSON.parse(Buffer.from(encoder.output(0, text)).toString()).output);
  const chunker = createChunker(emit, { maxBytes, delayMs: never });
  for (const piece of pieces) chunker.push(piece);
  chunker.end();
  return texts;
}

test("bytes in any chunks yield the decoded text with CRLF replaced by LF", () => {
  fc.assert(
    fc.property(anyBytes, anyCuts, fc.integer({ min: 4, max: 40 }), (bytes, cuts, maxBytes) => {
      const whole = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).replaceAll("\r\n", "\n");
      expect(chunk(cutAt(bytes, cuts), maxBytes).join("")).toBe(whole);
    }),
    { numRuns: 1000 },
  );
});

test("a text is never empty or over the limit, and never splits a CRLF or a character", () => {
  fc.assert(
    fc.property(anyBytes, anyCuts, fc.integer({ min: 4, max: 40 }), (bytes, cuts, maxBytes) => {
      const texts = chunk(cutAt(bytes, cuts), maxBytes);
      for (const [index, text] of texts.entries()) {
        expect(text.length).toBeWithin(1, maxBytes + 1);
        const parted = text.endsWith("\r") && texts[index + 1]?.startsWith("\n");
        expect(parted && !/^\r+$/.test(text)).not.toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});

test("more carriage returns than fit into a text are passed on", () => {
  expect(chunk([Buffer.from("\r".repeat(10))], 4).join("")).toBe("\r".repeat(10));
  expect(chunk([Buffer.from("a"), Buffer.from("\r".repeat(10)), Buffer.from("\n")], 4).join("")).toBe(
    `a${"\r".repeat(9)}\n`,
  );
});

test("a text of valid UTF-8 is never over the limit in bytes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), anyCuts, (text, cuts) => {
      for (const part of chunk(cutAt(Buffer.from(text), cuts), 16)) {
        expect(Buffer.byteLength(part)).toBeLessThanOrEqual(16);
      }
    }),
  );
});

test("a chunk of 150 KB becomes texts of 32 KiB, and all but the last are emitted before the end", () => {
  const texts: string[] = [];
  const chunker = createChunker((text) => texts.push(toString(text)), { delayMs: never });
  chunker.push(new Uint8Array(150_000).fill(0x61));
  expect(texts.map((text) => text.length)).toEqual([32_768, 32_768, 32_768, 32_768]);
  chunker.end();
  expect(texts.at(-1)).toHaveLength(150_000 - 4 * 32_768);
});

test("the end does not wait for the timer", () => {
  const texts: string[] = [];
  const chunker = createChunker((text) => texts.push(toString(text)), { delayMs: never });
  chunker.push(Buffer.from("done"));
  expect(texts).toEqual([]);
  chunker.end();
  expect(texts).toEqual(["done"]);
  chunker.end();
  expect(texts).toEqual(["done"]);
});

test("bytes are emitted without a line feed or further bytes, but an incomplete character is held", async () => {
  const shown = Promise.withResolvers<string>();
  const texts: string[] = [];
  const chunker = createChunker(
    (text) => {
      texts.push(toString(text));
      shown.resolve(toString(text));
    },
    { delayMs: 1 },
  );
  const [first, second] = [Buffer.from("10%é").subarray(0, 4), Buffer.from("10%é").subarray(4)];
  chunker.push(first);
  expect(await shown.promise).toBe("10%");
  chunker.push(second);
  chunker.end();
  expect(texts).toEqual(["10%", "é"]);
});

test("after a pause the first bytes are delayed less than the following ones", async () => {
  const shown = Promise.withResolvers<void>();
  const texts: string[] = [];
  const chunker = createChunker(
    (text) => {
      texts.push(toString(text));
      shown.resolve();
    },
    { delayMs: 3_600_000, leadMs: 1 },
  );
  chunker.push(Buffer.from("first"));
  await shown.promise;
  chunker.push(Buffer.from("second"));
  await Bun.sleep(20);
  chunker.push(Buffer.from(", third"));
  chunker.end();
  expect(texts).toEqual(["first", "second, third"]);
});

test("the caller can reuse its buffer after the push", () => {
  const texts: string[] = [];
  const chunker = createChunker((text) => texts.push(toString(text)), { delayMs: never });
  const bytes = Buffer.from("kept");
  chunker.push(bytes);
  bytes.fill(0x78);
  chunker.end();
  expect(texts).toEqual(["kept"]);
});
