import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import type { JobEvent } from "../../../src/core/contracts/job-events.ts";
import { openSpoolFile, type SpoolExtent } from "../../../src/job/log/spool-file.ts";
import { type RecoveredSpool, recoverSpool } from "../../../src/job/log/spool-recovery.ts";
import { createSpool } from "../../../src/job/log/spool.ts";
import { tmpdir } from "../../../src/testing/fixtures.ts";
import { anyEvent, eventsIn, finished, output, started } from "./fixtures.ts";

/** Continues a recovered spool with one event. */
function append(path: string, resumeAt: RecoveredSpool, event: JobEvent): SpoolExtent {
  const file = openSpoolFile(path, { fsyncIntervalMs: 0, onSyncFailed: () => {}, resumeAt });
  file.append(Buffer.from(`${JSON.stringify(event)}\n`));
  file.close();
  return file;
}

const options = { diskLimitBytes: 2 ** 30, fsyncIntervalMs: 0 };

test("recovery of a file that is truncated at any place keeps the complete events, and a writer can append", async () => {
  await using tmp = await tmpdir();
  let file = 0;
  const anyTail = fc.constantFrom(
    "",
    "\0".repeat(9000),
    `${"\0".repeat(100)}\n`,
    "garbage\n",
    "{}\n",
    '"text"\nnull\n',
  );
  fc.assert(
    fc.property(fc.array(anyEvent), fc.nat(), anyTail, anyEvent, (events, place, tail, next) => {
      const path = join(tmp.path, `${(file += 1)}.ndjson`);
      const text = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
      const cut = text.subarray(0, place % (text.length + 1));
      writeFileSync(path, Buffer.concat([cut, Buffer.from(tail)]));
      const whole = cut.subarray(0, cut.lastIndexOf("\n") + 1);

      const recovered = recoverSpool(path);
      expect(readFileSync(path).equals(whole)).toBe(true);
      const kept = eventsIn(path);
      expect(recovered).toMatchObject({
        events: kept.length,
        bytes: whole.length,
        started: kept.some(({ event }) => event === "job_started"),
      });
      const end = kept.findLast((event) => event.event === "job_finished");
      expect(recovered.finished).toBe(end?.result);

      const { bytes, checksum } = append(path, recovered, next);
      expect(eventsIn(path)).toEqual([...kept, next]);
      expect({ bytes, checksum }).toEqual({
        bytes: readFileSync(path).length,
        checksum: crc32(readFileSync(path)),
      });
    }),
    { numRuns: 200 },
  );
});

test("recovery reports the open command and the state of its output", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  const spool = createSpool(path, options);
  const closed = [started("one"), output("text"), finished("one")];
  for (const event of closed) spool.append(event);
  expect(recoverSpool(path).openCommand).toBeUndefined();
  spool.append(started("two"));
  expect(recoverSpool(path).openCommand).toEqual({ directive: "two", startedAt: 1, atLineStart: true });
  spool.append(output("half a line"));
  expect(recoverSpool(path).openCommand).toMatchObject({ directive: "two", atLineStart: false });
  spool.append(output(" and its end\n"));
  spool.close();
  appendFileSync(path, '{"event":"cmd_output","timestamp":2,"output":"torn');
  expect(recoverSpool(path)).toMatchObject({
    events: 6,
    openCommand: { directive: "two", atLineStart: true },
  });
});

test("events of a killed writer are kept, and another writer can append", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  const writer = Bun.spawn([process.execPath, join(import.meta.dir, "spool-writer.ts"), path, "1000000"], {
    stdout: "pipe",
    stderr: "inherit",
  });
  let dots = 0;
  for await (const news of writer.stdout) if ((dots += news.length) > 5) writer.kill("SIGKILL");
  await writer.exited;
  const recovered = recoverSpool(path);
  expect(recovered.events).toBeGreaterThanOrEqual(201);
  append(path, recovered, finished());
  const timestamps = eventsIn(path).map(({ timestamp }) => timestamp);
  expect(timestamps).toEqual([
    ...Array.from({ length: recovered.events }, (_, index) => index),
    finished().timestamp,
  ]);
});

test("a spool with lines of megabytes is recovered", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  const spool = createSpool(path, options);
  for (let index = 0; index < 20; index += 1) spool.append(output("\x1b".repeat(index * 50_000)));
  spool.close();
  truncateSync(path, spool.stats.bytes - 1);
  expect(recoverSpool(path).events).toBe(19);
});

test("events after a gap of NUL bytes are removed with the gap", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  const [before, after] = [`${JSON.stringify(started())}\n`, `${JSON.stringify(output("orphan"))}\n`];
  writeFileSync(path, `${before}${"\0".repeat(4096)}\n${after}`);
  expect(recoverSpool(path)).toMatchObject({ events: 1, bytes: before.length });
  expect(readFileSync(path, "utf8")).toBe(before);
});

test("an empty spool and one of NUL bytes only are recovered as empty", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  for (const text of ["", "\0".repeat(1_000_000)]) {
    writeFileSync(path, text);
    expect(recoverSpool(path)).toEqual({
      events: 0,
      bytes: 0,
      checksum: 0,
      started: false,
    });
  }
});

test("a spool that grew after its recovery is rejected, and so is a missing one", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  createSpool(path, options).close();
  const recovered = recoverSpool(path);
  appendFileSync(path, `${JSON.stringify(started())}\n`);
  expect(() => append(path, recovered, finished())).toThrow("another process writes to it");
  expect(() => recoverSpool(join(tmp.path, "none"))).toThrow("ENOENT");
});

test("the times of first and last event are those of the file, within the seconds of the events", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  const write = (...seconds: number[]) =>
    writeFileSync(
      path,
      seconds.map((timestamp) => `${JSON.stringify({ ...started(), timestamp })}\n`).join(""),
    );
  const now = Math.floor(Date.now() / 1000);
  write(now - 100, now - 10);
  utimesSync(path, now, now - 9.75);
  const { startedAt, changedAt } = recoverSpool(path);
  // Some file systems do not know when a file was created.
  expect(Math.floor((startedAt ?? 0) / 1000)).toBe(now - 100);
  expect(changedAt).toBe((now - 10) * 1000 + 250);
  write(now + 100);
  expect(recoverSpool(path)).toMatchObject({ startedAt: (now + 100) * 1000, changedAt: (now + 100) * 1000 });
  writeFileSync(path, `{"event":"job_started"}\n{"event":"cmd_output","timestamp":"x"}\n`);
  expect(recoverSpool(path)).toEqual(expect.not.objectContaining({ startedAt: expect.anything() }));
});
