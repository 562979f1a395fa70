import { expect, test } from "bun:test";
import { createRedactor, mask, type Redactor } from "./redactor.ts";

function redact(redactor: Redactor, pieces: readonly (Uint8Array | string)[]): string {
  const parts = pieces.map((piece) => Buffer.from(redactor.push(Buffer.from(piece as string))));
  return Buffer.concat([...parts, redactor.flush()]).toString();
}

test("overlapping values become one mask, adjacent values become two", () => {
  const redactor = createRedactor(["abcdef", "defghi"]);
  expect(redactor.redactText("<abcdefghi> <abcdefabcdef>")).toBe(`<${mask}> <${mask}${mask}>`);
});

test("the longer of two values with a common prefix is masked completely", () => {
  expect(
    redact(createRedactor(["secret", "secret-and-more"]), ["secret-a", "nd-more, secret-and-less"]),
  ).toBe(`${mask}, ${mask}-and-less`);
});

test("a multi-line value is masked as a whole, with the line ends of a terminal", () => {
  const redactor = createRedactor(["one line\nanother\n"]);
  expect(redact(redactor, ["one line\r", "\nanother\r\n", "one line\r\nother"])).toBe(
    `${mask}\r\none line\r\nother`,
  );
});

test("values of fewer than six bytes are not masked", () => {
  expect(redact(createRedactor(["", "true", "12345", "12345\n\n"]), ["true 12345\n"])).toBe("true 12345\n");
});

test("without values the bytes pass unchanged", () => {
  const bytes = Buffer.from("anything");
  expect(createRedactor([]).push(bytes)).toBe(bytes);
  expect(createRedactor(["short"]).push(bytes)).toBe(bytes);
});

test("bytes without matches are not copied", () => {
  const bytes = Buffer.from("nothing to see here.");
  expect(createRedactor(["secret"]).push(bytes)).toBe(bytes);
});

test("a possible beginning of a value is held until it is resolved, and passed on at the end of the stream", () => {
  const redactor = createRedactor(["secret-value"]);
  expect(Buffer.from(redactor.push(Buffer.from("a sec"))).toString()).toBe("a ");
  expect(Buffer.from(redactor.push(Buffer.from("ret"))).toString()).toBe("");
  expect(Buffer.from(redactor.push(Buffer.from("ary, sec"))).toString()).toBe("secretary, ");
  expect(Buffer.from(redactor.flush()).toString()).toBe("sec");
  expect(Buffer.from(redactor.push(Buffer.from("ret-value"))).toString()).toBe("ret-value");
});

test("an added value is masked from then on, even if its beginning is already held", () => {
  const redactor = createRedactor(["secret"]);
  const first = Buffer.from(redactor.push(Buffer.from("shown-later s"))).toString();
  redactor.add(["sesame"]);
  expect(first + redact(redactor, ["esame"])).toBe(`shown-later ${mask}`);
});

test("masking a text does not affect the stream", () => {
  const redactor = createRedactor(["secret"]);
  redactor.push(Buffer.from("sec"));
  expect(redactor.redactText("echo secret żółw")).toBe(`echo ${mask} żółw`);
  expect(redactor.redactText("ret")).toBe("ret");
  expect(redactor.count).toBe(0);
  expect(redact(redactor, ["ret"])).toBe(mask);
});

test("a long repetitive value does not make the search quadratic", () => {
  const redactor = createRedactor([`${"a".repeat(100_000)}b`, "a".repeat(90_000)]);
  const flood = Buffer.alloc(4_000_000, "a");
  expect(redact(redactor, [flood])).toBe(mask);
  expect(redactor.redactedBytes).toBe(4_000_000);
});

test("the caller can reuse its buffer after the push", () => {
  const redactor = createRedactor(["secret"]);
  const bytes = Buffer.from("sec");
  redactor.push(bytes);
  bytes.fill(0x78);
  expect(Buffer.from(redactor.flush()).toString()).toBe("sec");
});
