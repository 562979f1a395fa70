import { describe, expect, test } from "bun:test";
import * as fs from "node:fs";
import { join } from "node:path";
import {
  type FileAccess,
  findEntry,
  openStateFile,
  readStateText,
  removeEntry,
} from "../../../src/os/state/file.ts";
import { tmpdir } from "../../../src/testing/index.ts";

const accesses: readonly FileAccess[] = ["read", "update", "append", "lock"];

const hostile: readonly [what: string, make: (path: string, outside: string) => void][] = [
  ["a FIFO", (path) => void Bun.spawnSync(["mkfifo", path])],
  ["a symbolic link", (path, outside) => fs.symlinkSync(outside, path)],
  ["a symbolic link", (path) => fs.symlinkSync("/dev/zero", path)],
  ["a symbolic link", (path) => fs.symlinkSync(path, path)],
  ["a directory", (path) => fs.mkdirSync(path)],
  ["a socket", (path) => void Bun.listen({ unix: path, socket: { data() {} } }).unref()],
];

describe("an entry that is not a regular file", () => {
  test.each(hostile)("but %s is refused for every access, and not overwritten", async (what, make) => {
    await using place = await tmpdir();
    const outside = join(place.path, "outside");
    fs.writeFileSync(outside, "text");
    const path = join(place.path, "entry");
    make(path, outside);
    for (const access of accesses)
      expect(() => openStateFile(path, access)).toThrow(`it is ${what}, and a file is expected`);
    expect(() => openStateFile(path, "create")).toThrow("EEXIST");
    expect(findEntry(path)?.isFile()).toBe(false);
    removeEntry(path);
    expect(findEntry(path)).toBeUndefined();
    expect(fs.readFileSync(outside, "utf8")).toBe("text");
  });
});

test("a file below a linked directory is not opened, created or removed", async () => {
  await using place = await tmpdir();
  const outside = join(place.path, "outside");
  fs.mkdirSync(outside);
  fs.writeFileSync(join(outside, "file"), "text");
  fs.symlinkSync(outside, join(place.path, "linked"));
  const path = join(place.path, "linked", "file");
  for (const access of accesses) expect(() => openStateFile(path, access)).toThrow("symbolic link");
  expect(() => openStateFile(join(place.path, "linked", "new"), "create")).toThrow("symbolic link");
  expect(() => removeEntry(path)).toThrow("symbolic link");
  expect(findEntry(path)).toBeUndefined();
  expect(fs.readdirSync(outside)).toEqual(["file"]);
});

test("a file that has another name is read and not written to", async () => {
  await using place = await tmpdir();
  const path = join(place.path, "entry");
  fs.writeFileSync(join(place.path, "other"), "text");
  fs.linkSync(join(place.path, "other"), path);
  expect(readStateText(path, 10)).toBe("text");
  for (const access of ["update", "append", "lock"] as const)
    expect(() => openStateFile(path, access)).toThrow("2 hard links");
});

test("a text that exceeds its limit is refused without being read", async () => {
  await using place = await tmpdir();
  const path = join(place.path, "entry");
  fs.writeFileSync(path, "12345");
  expect(readStateText(path, 5)).toBe("12345");
  fs.truncateSync(path, 10 * 2 ** 30);
  expect(() => readStateText(path, 5)).toThrow("it has 10737418240 bytes, and at most 5 are allowed");
});

test("removal of a directory removes the links in it, not what they lead to", async () => {
  await using place = await tmpdir();
  const outside = join(place.path, "outside");
  fs.mkdirSync(outside);
  fs.writeFileSync(join(outside, "file"), "text");
  const directory = join(place.path, "directory");
  fs.mkdirSync(join(directory, "deep"), { recursive: true });
  fs.symlinkSync(outside, join(directory, "deep", "link"));
  removeEntry(directory);
  expect(fs.readdirSync(place.path)).toEqual(["outside"]);
  expect(fs.readFileSync(join(outside, "file"), "utf8")).toBe("text");
});
