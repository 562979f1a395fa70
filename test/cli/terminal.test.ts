import { describe, expect, test } from "bun:test";
import { cutLine, hasColour, isInteractive } from "../../src/cli/output/terminal.ts";

describe("colours", () => {
  test.each<[boolean, Record<string, string>, boolean]>([
    [true, {}, true],
    [false, {}, false],
    [true, { TERM: "dumb" }, false],
    [true, { CI: "1" }, true],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "" }, true],
    [true, { CLICOLOR: "0" }, false],
    [false, { CLICOLOR_FORCE: "1" }, true],
    [false, { CLICOLOR_FORCE: "0" }, false],
    [true, { CLICOLOR_FORCE: "1", NO_COLOR: "1" }, false],
    [false, { FORCE_COLOR: "1", NO_COLOR: "1" }, true],
    [false, { FORCE_COLOR: "3", TERM: "dumb" }, true],
    [true, { FORCE_COLOR: "0" }, false],
    [true, { FORCE_COLOR: "false", CLICOLOR_FORCE: "1" }, false],
  ])("on a terminal (%j) with %j: %j", (isTTY, env, expected) => {
    expect(hasColour(isTTY, env)).toBe(expected);
  });
});

test.each<[boolean | undefined, Record<string, string>, boolean]>([
  [true, {}, true],
  [undefined, {}, false],
  [true, { TERM: "dumb" }, false],
  [true, { CI: "true" }, false],
  [true, { CI: "false" }, true],
  [true, { CI: "" }, true],
  [true, { NO_COLOR: "1" }, true],
])("a stream with isTTY %j is redrawn with %j: %j", (isTTY, env, expected) => {
  expect(isInteractive({ isTTY }, env)).toBe(expected);
});

test.each([
  ["12345", 5, "12345"],
  ["123456", 5, "1234…"],
  ["東京都", 6, "東京都"],
  ["東京都", 5, "東京…"],
  ["東京都", 4, "東…"],
  ["👩‍👩‍👧‍👦 family", 4, "👩‍👩‍👧‍👦 …"],
  ["e\u0301e\u0301e\u0301", 2, "e\u0301…"],
  ["x", 0, ""],
  [`a${"\u0301".repeat(10_000)}b`, 1, "…"],
])("%j is cut to %d columns: %j", (line, columns, expected) => {
  expect(cutLine(line, columns)).toBe(expected);
});
