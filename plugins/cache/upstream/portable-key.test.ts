import { expect, test } from "bun:test";
import { isPortableKey } from "./portable-key.ts";

test.each([
  ["held-1/a", true],
  ["held-1/ü b/%2e%2e/..a/a..", true],
  ["held-1/../held-10/a", false],
  ["held-1/./a", false],
  ["held-1//a", false],
  ["held-1/a/", false],
  ["held-1/a\\..\\b", false],
  ["held-1/a\nb", false],
  ["held-1/a\0", false],
  [`held-1/${"a".repeat(1000)}`, false],
])("the key %j is passed on: %j", (key, expected) => expect(isPortableKey(key)).toBe(expected));
