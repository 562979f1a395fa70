import { expect, test } from "bun:test";
import { mkdirSync, statSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { isAgentError } from "../../../src/core/errors.ts";
import { toSocketPath } from "../../../src/os/network/socket-path.ts";
import { tmpdir } from "../../../src/testing/index.ts";

test("a socket is created in the first private directory whose path is short enough", async () => {
  await using place = await tmpdir();
  const long = join(place.path, "x".repeat(110));
  const open = join(place.path, "open");
  mkdirSync(open, { mode: 0o777 });
  const linked = join(place.path, "linked");
  symlinkSync(open, linked);
  const mine = join(place.path, "mine");
  const path = toSocketPath([long, open, linked, mine]);
  expect(dirname(path)).toBe(mine);
  expect(statSync(mine).mode & 0o777).toBe(0o700);
});

test("without such a directory the error names all candidates", async () => {
  await using place = await tmpdir();
  const long = join(place.path, "x".repeat(110));
  try {
    toSocketPath([long]);
    throw new Error("it did not throw");
  } catch (error) {
    expect(isAgentError(error, "FILE_FAILED")).toBe(true);
    expect((error as Error).message).toContain(long);
  }
});
