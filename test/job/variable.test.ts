import { expect, test } from "bun:test";
import { readVariable } from "../../src/job/request/read-variable.ts";
import { environmentVariable } from "../../src/testing/fixtures.ts";

test("a variable is read as text, and the last of its name counts", () => {
  const env = [
    environmentVariable("A", "first"),
    environmentVariable("A", "ünï\n☃"),
    environmentVariable("B", ""),
  ];
  expect(readVariable(env, "A")).toBe("ünï\n☃");
  expect(readVariable(env, "B")).toBe("");
});

test("one that is not there, or no base64, has no text", () => {
  expect(readVariable([], "A")).toBeUndefined();
  expect(readVariable([environmentVariable("A", "x"), { name: "A", value: "%%%" }], "A")).toBeUndefined();
});
