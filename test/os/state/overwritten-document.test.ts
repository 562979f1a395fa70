import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import { readDocument } from "../../../src/os/state/document.ts";
import { overwriteDocument } from "../../../src/os/state/overwritten-document.ts";
import { tmpdir } from "../../../src/testing/index.ts";

test("the last document is read, also a shorter one, and its file stays the same and private", async () => {
  await using place = await tmpdir();
  const path = join(place.path, "document.json");
  using file = overwriteDocument(path);
  file.write({ offset: 1_000_000 });
  file.write({ offset: 20_000_000 });
  const { ino, mode } = fs.statSync(path);
  expect(readDocument<object>(path)).toEqual({ offset: 20_000_000 });
  file.write({ offset: 3 });
  expect(readDocument<object>(path)).toEqual({ offset: 3 });
  expect(fs.statSync(path).ino).toBe(ino);
  expect(mode & 0o777).toBe(0o600);
});

const disturbances: Readonly<Record<string, (path: string, outside: string) => void>> = {
  removed: (path) => fs.rmSync(path),
  "replaced by a link": (path, outside) => {
    fs.rmSync(path);
    fs.symlinkSync(outside, path);
  },
  "given another name": (path, outside) => {
    fs.rmSync(outside);
    fs.linkSync(path, outside);
  },
  "replaced by a directory": (path) => {
    fs.rmSync(path);
    fs.mkdirSync(path);
  },
};

for (const [what, disturb] of Object.entries(disturbances))
  test.each([1, 2, 3])(`a file that was ${what} after %i documents is written anew`, async (count) => {
    await using place = await tmpdir();
    const path = join(place.path, "document.json");
    const outside = join(place.path, "outside");
    fs.writeFileSync(outside, "text");
    using file = overwriteDocument(path);
    for (let n = 1; n <= count; n += 1) file.write({ n });
    disturb(path, outside);
    const before = fs.readFileSync(outside, "utf8");
    for (let n = 10; n < 13; n += 1) {
      file.write({ n });
      expect(readDocument<object>(path)).toEqual({ n });
    }
    expect(fs.lstatSync(path).isFile()).toBe(true);
    expect(fs.readFileSync(outside, "utf8")).toBe(before);
  });

test("a document above 256 bytes is refused, and the one before stays", async () => {
  await using place = await tmpdir();
  const path = join(place.path, "document.json");
  using file = overwriteDocument(path);
  const large = { text: "ä".repeat(120) };
  const refusal = `cannot write "${path}": it has 276 bytes, and at most 256 are allowed`;
  expect(() => file.write(large)).toThrow(refusal);
  for (let n = 1; n <= 2; n += 1) {
    file.write({ n });
    expect(() => file.write(large)).toThrow(refusal);
    expect(readDocument<object>(path)).toEqual({ n });
  }
});

test("a document is written after the disposal, and no file stays open", async () => {
  await using place = await tmpdir();
  const path = join(place.path, "document.json");
  const file = overwriteDocument(path);
  for (let n = 1; n <= 3; n += 1) file.write({ n });
  expect(openFiles()).toContain(path);
  file[Symbol.dispose]();
  for (let n = 4; n <= 6; n += 1) file.write({ n });
  expect(readDocument<object>(path)).toEqual({ n: 6 });
  expect(openFiles()).not.toContain(path);
});

function openFiles(): string[] {
  return fs.readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return [];
    }
  });
}
