import { expect, test } from "bun:test";
import { parseRetryAfter } from "../../../src/kit/http/retry-after.ts";

test.each([
  ["120", 120_000],
  [" 7 ", 7000],
  ["Thu, 01 Jan 1970 00:01:30 GMT", 30_000],
  ["Thu, 01 Jan 1970 00:00:30 GMT", 0],
  ["9".repeat(400), 600_000],
  ["Fri, 01 Jan 2999 00:00:00 GMT", 600_000],
  ["soon", undefined],
  ["", undefined],
  [null, undefined],
])("Retry-After %p is a delay of %p ms", (header, ms) => {
  expect(parseRetryAfter(header, 60_000)).toBe(ms as number);
});
