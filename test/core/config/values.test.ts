import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  fromFile,
  fromFlag,
  fromVariable,
  parseBoolean,
  parseCsv,
  splitWords,
} from "../../../src/core/config/values.ts";

const text = { kind: "string" } as const;
const list = { kind: "list", items: text } as const;
const integers = { kind: "list", items: { kind: "integer" } } as const;
const map = { kind: "map", items: text } as const;

describe("CSV", () => {
  test("gives back what was written as Go's csv package writes it", () => {
    const toCsv = (fields: readonly string[]) =>
      fields.map((field) => (/[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(",");
    // A single empty field is indistinguishable from no field.
    const rows = fc
      .array(fc.string({ unit: "grapheme" }), { minLength: 1 })
      .filter((row) => row.join() !== "");
    fc.assert(fc.property(rows, (fields) => expect(parseCsv(toCsv(fields))).toEqual(fields)));
  });

  test.each([
    ["", []],
    ["a", ["a"]],
    ["a,", ["a", ""]],
    ['a,"b,c"', ["a", "b,c"]],
    ['"say ""hi"""', ['say "hi"']],
    [" a , b ", [" a ", " b "]],
  ])("of %p is %p", (csv, fields) => {
    expect(parseCsv(csv)).toEqual(fields);
  });

  test.each(['"a', 'a"b', '"a"b', 'a,"'])("%p is rejected", (csv) => {
    expect(parseCsv(csv)).toBeUndefined();
  });
});

test("booleans are the words of Go's ParseBool and nothing else", () => {
  for (const word of ["1", "t", "T", "true", "TRUE", "True"]) expect(parseBoolean(word)).toBe(true);
  for (const word of ["0", "f", "F", "false", "FALSE", "False"]) expect(parseBoolean(word)).toBe(false);
  for (const word of ["", "yes", "no", "on", "tRUE", "2", " true"])
    expect(parseBoolean(word)).toBeUndefined();
});

test("words are separated by whitespace and not by commas", () => {
  expect(splitWords("  a,b \t c\n d ")).toEqual(["a,b", "c", "d"]);
  expect(splitWords("")).toEqual([]);
});

describe("from flags", () => {
  test("the last occurrence of a flag takes effect, but lists accumulate", () => {
    expect(fromFlag(text, ["a", "b"])).toEqual({ value: "b" });
    expect(fromFlag(list, ["a,b", "c"])).toEqual({ value: ["a", "b", "c"] });
    expect(fromFlag(list, [""])).toEqual({ value: [] });
  });

  test("a map consists of name=value, and a value may contain an equals sign", () => {
    expect(fromFlag(map, ["a=1,b=x=y"])).toEqual({ value: { a: "1", b: "x=y" } });
    expect(fromFlag(map, ["a"])).toEqual({ expected: "a map (name=value)" });
    expect(fromFlag(map, ["=a"])).toEqual({ expected: "a map (name=value)" });
  });

  test.each(["", "1.5", "0x10", "1e3", "ten", "9007199254740993"])("%p is not an integer", (word) => {
    expect(fromFlag({ kind: "integer" }, [word])).toEqual({ expected: "a whole number" });
  });

  test("every safe integer is accepted", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (n) =>
        expect(fromFlag({ kind: "integer" }, [String(n)])).toEqual({ value: n }),
      ),
    );
  });
});

test("lists in variables are separated by whitespace", () => {
  expect(fromVariable(list, "A=1 B=2,3")).toEqual({ value: ["A=1", "B=2,3"] });
  expect(fromVariable(integers, "1 2")).toEqual({ value: [1, 2] });
  expect(fromVariable(integers, "1 two")).toEqual({ expected: "each entry to be a whole number" });
});

describe("from a file", () => {
  test("text is converted to every type", () => {
    expect(fromFile({ kind: "boolean" }, "t")).toEqual({ value: true });
    expect(fromFile({ kind: "integer" }, "12")).toEqual({ value: 12 });
    expect(fromFile(list, "a b")).toEqual({ value: ["a", "b"] });
    expect(fromFile(map, "a=1")).toEqual({ value: { a: "1" } });
  });

  test("numbers and booleans are converted to text, also in lists", () => {
    expect(fromFile(text, 12)).toEqual({ value: "12" });
    expect(fromFile(text, true)).toEqual({ value: "true" });
    expect(fromFile(list, [1, "a b"])).toEqual({ value: ["1", "a b"] });
  });

  test("other types are rejected", () => {
    expect(fromFile(text, {})).toEqual({ expected: "text" });
    expect(fromFile(list, { a: 1 })).toEqual({ expected: "a list" });
    expect(fromFile({ kind: "boolean" }, 1)).toEqual({ expected: "true or false" });
    expect(fromFile({ kind: "integer" }, 1.5)).toEqual({ expected: "a whole number" });
  });
});
