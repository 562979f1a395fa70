import { expect, test } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { openSpool } from "../../../src/job/log/spool-reader.ts";
import { recoverSpool } from "../../../src/job/log/spool-recovery.ts";
import { createSpool } from "../../../src/job/log/spool.ts";
import { findChange } from "../../../src/job/log/verify-spool.ts";
import { tmpdir } from "../../../src/testing/fixtures.ts";
import { anyEvent, finished, output, readAll, started } from "./fixtures.ts";

const noLimit = { diskLimitBytes: 2 ** 30, fsyncIntervalMs: 0 };

test("any change of a closed spool is detected, and an unchanged spool is not reported", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  const events = fc.array(anyEvent, { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(
      events,
      fc.nat(),
      fc.constantFrom("flip", "cut", "append"),
      async (log, place, change) => {
        const spool = createSpool(path, noLimit);
        for (const event of log) spool.append(event);
        spool.close();
        const { bytes, checksum } = spool.stats;
        expect(await findChange(path, { bytes, checksum })).toBeUndefined();

        const text = readFileSync(path);
        if (change === "flip") text[place % bytes]! ^= 1;
        writeFileSync(path, change === "cut" ? text.subarray(0, place % bytes) : text);
        if (change === "append") appendFileSync(path, "{}\n");
        expect(await findChange(path, { bytes, checksum })).toBeString();
        rmSync(path);
      },
    ),
    { numRuns: 100 },
  );
});

test("a spool without a checksum, from an older program, is unchanged; a missing spool was removed", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "none");
  expect(await findChange(path, { bytes: 3 })).toBeUndefined();
  expect(await findChange(path, { bytes: 3, checksum: 4 })).toBe("it was removed");
});

test("a reader's checksum equals the writer's, from any start position", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  const spool = createSpool(path, noLimit);
  for (let n = 0; n < 50; n += 1) spool.append(output(`line ${n}\n`));
  spool.close();
  using first = openSpool(path);
  const batch = await first.next({ maxEvents: 20 });
  using second = openSpool(path, { cursor: batch!.end });
  await readAll(first);
  await readAll(second);
  expect(first.checksum).toBe(spool.stats.checksum);
  expect(second.checksum).toBe(spool.stats.checksum);
});

test.each([
  ["cut", (path: string) => truncateSync(path, 3), "it has 3 bytes, and"],
  ["extended", (path: string) => appendFileSync(path, "x"), "it has"],
  ["removed", (path: string) => rmSync(path), "it was removed"],
  [
    "replaced",
    (path: string) => {
      writeFileSync(`${path}.new`, readFileSync(path));
      renameSync(`${path}.new`, path);
    },
    "it was replaced",
  ],
])("a spool that is %s while it is written is reported once", async (_, change, text) => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  const said = Promise.withResolvers<void>();
  const warnings: string[] = [];
  const spool = createSpool(path, {
    ...noLimit,
    fsyncIntervalMs: 1,
    onWarning(message) {
      warnings.push(message);
      said.resolve();
    },
  });
  spool.append(output("before\n"));
  change(path);
  await said.promise;
  spool.close();
  expect(warnings).toEqual([
    expect.stringContaining(`another process changed the job's log "${path}": ${text}`),
  ]);
});

test("events after a truncation by another process are at the offsets that readers expect", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  const spool = createSpool(path, noLimit);
  using reader = spool.reader();
  spool.append(started());
  await reader.next();
  truncateSync(path);
  spool.append(output("after\n"));
  spool.append(finished());
  spool.close();
  const lines = (await readAll(reader)).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([output("after\n"), finished()]);
});

test("a log that was extended to 10 GiB is read up to its hole, and cut there", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  const spool = createSpool(path, noLimit);
  spool.append(output("before\n"));
  spool.close();
  truncateSync(path, 10 * 2 ** 30);
  using reader = openSpool(path);
  const line = `${JSON.stringify(output("before\n"))}\n`;
  expect(await readAll(reader)).toBe(line);
  expect(recoverSpool(path)).toMatchObject({ events: 1, bytes: line.length });
  expect(readFileSync(path, "utf8")).toBe(line);
});

test.each([
  ["a FIFO", (path: string) => void Bun.spawnSync(["mkfifo", path])],
  ["a symbolic link", (path: string) => symlinkSync("/dev/zero", path)],
  ["a directory", (path: string) => mkdirSync(path)],
])("a log that was replaced by %s is not opened, and its writer finds the change", async (kind, replace) => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  using spool = createSpool(path, noLimit);
  spool.append(output("before\n"));
  rmSync(path);
  replace(path);
  expect(spool.findChange(0)).toBe(`it was replaced by ${kind}`);
  const refusal = `it is ${kind}, and a file is expected`;
  expect(() => openSpool(path)).toThrow(refusal);
  expect(() => recoverSpool(path)).toThrow(refusal);
  expect(await findChange(path, { bytes: 1, checksum: 1 })).toContain(refusal);
});

test("events that could not be written follow the file, or are read alone without a file", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  const rest = Buffer.from('{"a":1}\n{"b":2}\n');
  const source = { closed: true, rest, watch: () => () => {} };
  using alone = openSpool(path, { source });
  expect(await alone.next()).toEqual({
    start: { event: 0, offset: 0 },
    end: { event: 2, offset: rest.length },
    lines: rest,
  });
  expect(await alone.next()).toBeUndefined();

  writeFileSync(path, "{}\n");
  using both = openSpool(path, { source });
  expect(await readAll(both)).toBe(`{}\n${rest.toString()}`);
});
