import { describe, expect, test } from "bun:test";
import {
  closeSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { openHostFile, readHostFile } from "../../../src/os/file-trust/host-file.ts";
import { tmpdir } from "../../../src/testing/index.ts";
import { makeSharedDirectory } from "../../shared-directory.ts";

const isRoot = process.getuid?.() === 0;
const needsRoot = isRoot ? "" : " (skipped: needs root)";

describe("a file that a job may have replaced", () => {
  test("is read, also through links", async () => {
    await using place = await tmpdir();
    writeFileSync(join(place.path, "file"), "text");
    mkdirSync(join(place.path, "directory"));
    symlinkSync("../file", join(place.path, "directory", "link"));
    symlinkSync("directory", join(place.path, "other"));
    expect(readHostFile(join(place.path, "other", "link")).toString()).toBe("text");
  });

  test.each([
    ["a FIFO", "mkfifo it"],
    ["a FIFO", "mkfifo fifo; ln -s fifo it"],
    ["a device", "ln -s /dev/zero it"],
    ["a directory", "mkdir it"],
  ])("is refused when it is %s", async (kind, command) => {
    await using place = await tmpdir();
    await Bun.$`sh -c ${command}`.cwd(place.path);
    const path = join(place.path, "it");
    for (const access of ["read", "append"] as const)
      expect(() => openHostFile(path, access)).toThrow(`it is ${kind}, and a file is expected`);
  });

  test("is refused without being read when it exceeds its limit", async () => {
    await using place = await tmpdir();
    const path = join(place.path, "sparse");
    await Bun.$`truncate -s 10G ${path}`;
    expect(() => readHostFile(path)).toThrow("it has 10737418240 bytes, and at most 1048576 are allowed");
  });

  test("is created and appended to with mode 0600", async () => {
    await using place = await tmpdir();
    const path = join(place.path, "file");
    for (const text of ["one ", "two"]) {
      const fd = openHostFile(path, "append");
      writeFileSync(fd, text);
      closeSync(fd);
    }
    expect(readFileSync(path, "utf8")).toBe("one two");
  });
});

describe.skipIf(!isRoot)(
  `in a directory that every user may write to, with the sticky bit${needsRoot}`,
  () => {
    const createShared = async () => {
      const place = await tmpdir();
      const shared = join(place.path, "shared");
      makeSharedDirectory(shared);
      writeFileSync(join(place.path, "own"), "own");
      return { place, shared };
    };

    test("a file of another user is refused", async () => {
      const { place, shared } = await createShared();
      await using _place = place;
      const path = join(shared, "file");
      writeFileSync(path, "");
      lchownSync(path, 4321, 4321);
      const message = "it belongs to user 4321, in a directory that other users may write to";
      expect(() => openHostFile(path)).toThrow(message);
      expect(() => openHostFile(path, "append")).toThrow(message);
    });

    test("a link of another user is refused, wherever it leads", async () => {
      const { place, shared } = await createShared();
      await using _place = place;
      const link = join(shared, "link");
      symlinkSync("..", link);
      expect(readHostFile(join(link, "own")).toString()).toBe("own");
      lchownSync(link, 4321, 4321);
      expect(() => readHostFile(join(link, "own"))).toThrow(`"${link}" belongs to user 4321`);
    });

    test("a file of another user is refused when `..` behind a link leads to it", async () => {
      const { place, shared } = await createShared();
      await using _place = place;
      mkdirSync(join(shared, "target"));
      symlinkSync(join(shared, "target"), join(place.path, "link"));
      writeFileSync(join(shared, "own"), "theirs");
      const path = `${place.path}/link/../own`;
      expect(readHostFile(path).toString()).toBe("theirs");
      lchownSync(join(shared, "own"), 4321, 4321);
      expect(() => readHostFile(path)).toThrow(`"${join(shared, "own")}" belongs to user 4321`);
    });

    test("a file is not created in a directory of another user", async () => {
      const { place, shared } = await createShared();
      await using _place = place;
      const directory = join(shared, "theirs");
      mkdirSync(directory);
      lchownSync(directory, 4321, 4321);
      expect(() => openHostFile(join(directory, "file"), "append")).toThrow("belongs to user 4321");
      expect(readdirSync(directory)).toEqual([]);
    });

    test("a file in a directory of another user is refused", async () => {
      const { place, shared } = await createShared();
      await using _place = place;
      const directory = join(shared, "theirs");
      mkdirSync(directory);
      writeFileSync(join(directory, "file"), "");
      lchownSync(directory, 4321, 4321);
      expect(() => readHostFile(join(directory, "file"))).toThrow(`"${directory}" belongs to user 4321`);
    });
  },
);
