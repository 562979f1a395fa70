import { expect, test } from "bun:test";
import fc from "fast-check";
import { countTextBytes, skipTextBytes, toValidText } from "../../../src/job/log/output-text.ts";

const texts = fc.string({ unit: fc.constantFrom("\r", "\n", "a", "é", "🚦") });
const toLogText = (text: string) => Buffer.from(text.replaceAll("\r\n", "\n"));

test("the bytes of a text are counted with CRLF as one", () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(countTextBytes(Buffer.from(text))).toBe(toLogText(text).length);
    }),
  );
});

test("what remains after the first bytes is the rest of the log's text", () => {
  fc.assert(
    fc.property(texts, fc.nat(20), (text, count) => {
      const rest = Buffer.from(skipTextBytes(Buffer.from(text), count)).toString("latin1");
      const expected = toLogText(text).subarray(count).toString("latin1");
      expect(rest.replaceAll("\r\n", "\n")).toBe(expected);
    }),
  );
});

test("invalid bytes become U+FFFD, and a valid text is not copied", () => {
  const valid = Buffer.from("\uFEFFżółw");
  expect(toValidText(valid)).toBe(valid);
  expect(Buffer.from(toValidText(Buffer.from([0x61, 0xff, 0x62]))).toString()).toBe("a\uFFFDb");
});
