import { expect, test } from "bun:test";
import { toLine } from "../../../src/core/text/printable.ts";
import { trimEnd } from "../../../src/core/text/trim-end.ts";

test("text is shown on one line, without blank lines and without spaces around line ends", () => {
  expect(toLine(" a \r\n\n  b\tc \n", 80)).toBe("a ⏎ b\tc");
});

test("text with 2 MB of spaces is put on one line in linear time", () => {
  expect(toLine(`a${" ".repeat(2_000_000)}b`, 5)).toBe("a   …");
});

test("only the end of a text is trimmed, in linear time", () => {
  expect(trimEnd("\n\na\r\n\n", "\r\n")).toBe("\n\na");
  expect(trimEnd("\n\n", "\r\n")).toBe("");
  const long = `${"\0".repeat(2_000_000)}x`;
  expect(trimEnd(`${long}\0\0`, "\0")).toBe(long);
});
