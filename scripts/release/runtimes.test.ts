import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { assertIntegrity, findLocked } from "./runtimes.ts";
import { targets } from "./targets.ts";

const lock = await readFile(path.join(import.meta.dir, "../../bun.lock"), "utf8");

test.each(targets.map(({ runtime }) => runtime))("bun.lock has the checksum of %s", (runtime) => {
  expect(findLocked(lock, runtime)).toEqual({
    version: Bun.version,
    integrity: expect.stringMatching(/^sha512-/),
  });
});

test("a package that bun.lock does not have is named", () => {
  expect(() => findLocked(lock, "@oven/bun-plan9-x64")).toThrow(
    'bun.lock has no package "@oven/bun-plan9-x64"',
  );
});

test("a package with other bytes is refused, with both checksums", () => {
  const integrity = `sha512-${new Bun.CryptoHasher("sha512").update("right").digest("base64")}`;
  expect(() => assertIntegrity(Buffer.from("right"), integrity, "x@1")).not.toThrow();
  expect(() => assertIntegrity(Buffer.from("wrong"), integrity, "x@1")).toThrow(
    /^the downloaded package "x@1" has the checksum sha512-.+, and bun.lock has sha512-/,
  );
});
