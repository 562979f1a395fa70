import { expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { listImportedFiles } from "../../../src/cli/configuration/imported-files.ts";
import { tmpdir } from "../../../src/testing/index.ts";

test("a module that cannot be examined is left to its import, which names the plugin", async () => {
  await using place = await tmpdir();
  const loop = join(place.path, "loop.ts");
  symlinkSync("loop.ts", loop);
  expect(listImportedFiles(loop)).toEqual([loop]);
});

test("a module that is a FIFO is refused, since its import would wait", async () => {
  await using place = await tmpdir();
  const fifo = join(place.path, "fifo.ts");
  await Bun.$`mkfifo ${fifo}`;
  expect(() => listImportedFiles(fifo)).toThrow(`"${fifo}" is a FIFO, and a file is expected`);
});
