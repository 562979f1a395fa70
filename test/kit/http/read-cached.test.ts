import { expect, test } from "bun:test";
import { closeSync, openSync, writeFileSync } from "node:fs";
import path from "node:path";
import { readCached } from "../../../src/kit/http/read-cached.ts";
import { tmpdir } from "../../../src/testing/index.ts";

test("what was just written is read, or nothing where the kernel cannot tell", async () => {
  await using tmp = await tmpdir();
  const file = path.join(tmp.path, "file");
  writeFileSync(file, "0123456789");
  const fd = openSync(file, "r");
  const buffer = Buffer.alloc(4, "x");
  const read = (position: number) => {
    const bytes = readCached(fd, buffer, position);
    return buffer.subarray(0, bytes).toString();
  };
  expect(["2345", ""]).toContain(read(2));
  expect(["89", ""]).toContain(read(8));
  expect([read(10), read(1_000_000)]).toEqual(["", ""]);
  expect(readCached(fd, buffer.subarray(0, 0), 0)).toBe(0);
  closeSync(fd);
  expect(readCached(fd, buffer, 0)).toBe(0);
});
