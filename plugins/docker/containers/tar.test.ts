import { expect, test } from "bun:test";
import { Readable } from "node:stream";
import { readFirstFile, toTar } from "./tar.ts";

const entry = (name: string, content: string, ids: { uid?: number; gid?: number } = {}) => ({
  name,
  mode: 0o640,
  uid: 0,
  gid: 0,
  ...ids,
  content: new TextEncoder().encode(content),
});

test("an archive keeps long names, modes and large ids", async () => {
  const long = `${"directory/".repeat(20)}file-ü`;
  const stdin = await toTar([entry("short", "1"), entry(long, "22", { uid: 1_000_650_000, gid: 300_000 })]);
  const { stdout } = Bun.spawnSync(
    ["tar", "--list", "--verbose", "--numeric-owner", "--quoting-style=literal"],
    {
      stdin,
    },
  );
  const lines = stdout.toString().trim().split("\n");
  expect(lines.map((line) => line.split(/\s+/))).toEqual([
    ["-rw-r-----", "0/0", "1", "1970-01-01", expect.any(String), "short"],
    ["-rw-r-----", "1000650000/300000", "2", "1970-01-01", expect.any(String), long],
  ]);
});

test("the first file of an archive is read, unless it is larger than the limit", async () => {
  const tar = await toTar([entry("passwd", "root:x:0:0"), entry("next", "x".repeat(1000))]);
  const read = (bytes: Buffer, limit = 100) =>
    readFirstFile(Readable.from([bytes.subarray(0, 99), bytes.subarray(99)]), limit);
  expect(String(await read(tar))).toBe("root:x:0:0");
  expect(await read(tar, 9)).toBe("too large");
  expect(await read(Buffer.alloc(1024))).toBeUndefined();
});

test("a file that is too large is not read, and a connection that breaks is an error", async () => {
  const large = await toTar([entry("passwd", "x".repeat(1000))]);
  const closed = Promise.withResolvers<void>();
  const endless = Readable.from(
    (async function* () {
      try {
        yield large.subarray(0, -1500);
        for (;;) yield Buffer.alloc(65_536);
      } finally {
        closed.resolve();
      }
    })(),
  );
  expect(await readFirstFile(endless, 10)).toBe("too large");
  await closed.promise;
  const broken = Readable.from(
    (async function* () {
      yield large.subarray(0, 100);
      throw new Error("broken connection");
    })(),
  );
  await expect(readFirstFile(broken, 10)).rejects.toThrow("broken connection");
});
