import { expect, test } from "bun:test";
import fc from "fast-check";
import { createEncoder } from "../../../src/job/log/events.ts";

const encoder = createEncoder();
const timestamp = 1_700_000_000;
const toLine = (output: string | Uint8Array) =>
  Buffer.from(encoder.output(timestamp, Buffer.from(output))).toString();
const toExpected = (output: string) =>
  `${JSON.stringify({ event: "cmd_output", timestamp, output: output.toWellFormed() })}\n`;

test("every character is encoded as JSON.stringify does it", () => {
  for (let code = 0; code <= 0xffff; code += 1) {
    const output = `a${String.fromCharCode(code)}z`;
    if (toLine(output) !== toExpected(output)) expect(toLine(output)).toBe(toExpected(output));
  }
});

const texts = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom("\ud800", "\udc00", "a", "\r", "\n") }),
);

test("any text is encoded as JSON.stringify does it, with CRLF replaced by LF", () => {
  fc.assert(
    fc.property(texts, fc.nat(1000), (text, times) => {
      const output = text.repeat(times);
      expect(toLine(output)).toBe(toExpected(output.replaceAll("\r\n", "\n")));
    }),
  );
});

test("any bytes are encoded as their text, with invalid ones replaced", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
      expect(toLine(bytes)).toBe(toExpected(text.replaceAll("\r\n", "\n")));
    }),
  );
});

test.each([
  ["\u0000", 1],
  ["\u0000", 6],
  ["€", 3],
  ["🚦", 2],
  ["a", 6],
])("texts of %j around the size of the encoder's buffer are whole", (character, parts) => {
  for (const length of [1, 2, 3, 4, 5, 6].flatMap((share) =>
    [-40, -1, 0, 1].map((more) => (256 * 1024) / share + more),
  )) {
    const output = character.repeat(length / parts);
    expect(toLine(output) === toExpected(output)).toBe(true);
  }
});

test("a short line after a long one has nothing of it", () => {
  toLine("x".repeat(40_000));
  expect(toLine("short")).toBe(toExpected("short"));
});

test("other events are encoded as JSON", () => {
  const event = { event: "cmd_started", timestamp: 1, directive: 'echo "ä"\n' } as const;
  expect(Buffer.from(encoder.event(event)).toString()).toBe(`${JSON.stringify(event)}\n`);
});
