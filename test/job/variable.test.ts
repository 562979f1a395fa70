import { expect, test } from "bun:test";
import { readVariable } from "../../src/kit/read-variable.ts";
import { environmentVariable } from "../../src/testing/fixtures.ts";

test("a variable is decoded as text, and the last one of a name takes effect", () => {
  const env = [
    environmentVariable("A", "first"),
    environmentVariable("A", "ünï\n☃"),
    environmentVariable("B", ""),
  ];
  expect(readVariable(env, "A")).toBe("ünï\n☃");
  expect(readVariable(env, "B")).toBe("");
});

test("a missing variable and one that is not base64 have no text", () => {
  expect(readVariable([], "A")).toBeUndefined();
  expect(readVariable([environmentVariable("A", "x"), { name: "A", value: "%%%" }], "A")).toBeUndefined();
});
