import { expect, test } from "bun:test";
import { lstatSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { isAgentError } from "../../../src/core/errors.ts";
import type { JobEvent } from "../../../src/core/contracts/job-events.ts";
import { createSpool } from "../../../src/job/log/spool.ts";
import { tmpdir } from "../../../src/testing/fixtures.ts";
import { anyEvent, eventsIn, finished, output, printedIn, started } from "./fixtures.ts";

const noLimit = { diskLimitBytes: 2 ** 30 };

const isStructural = (event: JobEvent) => event.event !== "cmd_output";

function codeOf(work: () => unknown): string {
  try {
    work();
    return "nothing thrown";
  } catch (error) {
    return isAgentError(error) ? error.code : String(error);
  }
}

test("the file contains the appended events, one compact line each", async () => {
  await using tmp = await tmpdir();
  let file = 0;
  fc.assert(
    fc.property(fc.array(anyEvent), (events) => {
      const path = join(tmp.path, `${(file += 1)}.ndjson`);
      using spool = createSpool(path, { ...noLimit, fsyncIntervalMs: 0 });
      for (const event of events) spool.append(event);
      const text = readFileSync(path, "utf8");
      expect(text).toBe(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
      expect(spool.stats).toMatchObject({
        events: events.length,
        bytes: Buffer.byteLength(text),
        droppedBytes: 0,
      });
    }),
  );
});

test("an event of several megabytes is written completely", async () => {
  await using tmp = await tmpdir();
  const path = join(tmp.path, "spool");
  using spool = createSpool(path, noLimit);
  spool.append(started("żółw".repeat(1_000_000)));
  expect(eventsIn(path)).toEqual([started("żółw".repeat(1_000_000))]);
});

test("the file is readable by its owner only", async () => {
  await using tmp = await tmpdir();
  using spool = createSpool(join(tmp.path, "spool"), noLimit);
  expect(lstatSync(spool.path).mode & 0o777).toBe(0o600);
});

test("an existing file, a symbolic link and a missing directory are rejected", async () => {
  await using tmp = await tmpdir();
  const [there, link] = [join(tmp.path, "there"), join(tmp.path, "link")];
  writeFileSync(there, "mine");
  symlinkSync(join(tmp.path, "target"), link);
  for (const path of [there, link, join(tmp.path, "no", "spool")]) {
    expect(codeOf(() => createSpool(path, noLimit))).toBe("SPOOL_FAILED");
  }
  expect(readFileSync(there, "utf8")).toBe("mine");
});

test("a closed spool accepts no event and can be closed again", async () => {
  await using tmp = await tmpdir();
  const spool = createSpool(join(tmp.path, "spool"), noLimit);
  spool.append(started());
  spool.sync();
  spool.close();
  spool.close();
  expect(spool.closed).toBe(true);
  expect(codeOf(() => spool.append(finished()))).toBe("SPOOL_FAILED");
  expect(eventsIn(spool.path)).toEqual([started()]);
});

test("the background sync continues while events are appended, and a close during a sync succeeds", async () => {
  await using tmp = await tmpdir();
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const spool = createSpool(join(tmp.path, "spool"), { ...noLimit, fsyncIntervalMs: 1, onWarning });
  for (let index = 0; index < 50; index += 1) {
    spool.append(output(`${index}\n`));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  spool.close();
  expect(eventsIn(spool.path)).toHaveLength(50);
  expect(warnings).toEqual([]);
});

test("output beyond log-disk-limit is dropped: the log has a notice where this begins and the number of bytes at the command's end", async () => {
  await using tmp = await tmpdir();
  const warnings: string[] = [];
  const spool = createSpool(join(tmp.path, "spool"), {
    diskLimitBytes: 20_000,
    onWarning: (message) => warnings.push(message),
  });
  const line = "x".repeat(999);
  spool.append(started("first"));
  for (let index = 0; index < 40; index += 1) spool.append(output(line));
  spool.append(finished("first"));
  spool.append(started("second"));
  spool.append(finished("second"));
  spool.append(started("third"));
  spool.append(output("short\n"));
  spool.append(finished("third"));
  spool.close();

  const { droppedBytes, bytes, events } = spool.stats;
  const log = eventsIn(spool.path);
  const kept = log.filter((event) => "output" in event && event.output === line).length;
  expect(kept).toBeWithin(10, 20);
  expect(droppedBytes).toBe((40 - kept) * line.length + "short\n".length);
  expect(bytes).toBeLessThan(20_000);
  expect(events).toBe(log.length);
  expect(log.slice(kept + 1).map((event) => ("output" in event ? event.output : event.event))).toEqual([
    "\n[signalman: the log reached log-disk-limit (20000 bytes); further output is dropped]\n",
    `[signalman: ${(40 - kept) * line.length} bytes of output were dropped: log-disk-limit]\n`,
    "cmd_finished",
    "cmd_started",
    "cmd_finished",
    "cmd_started",
    "[signalman: 6 bytes of output were dropped: log-disk-limit]\n",
    "cmd_finished",
  ]);
  expect(warnings).toEqual([
    `the job's log "${spool.path}" reached log-disk-limit (20000 bytes); further output is dropped`,
  ]);
});

test("with any limit all structural events are written in order, and every byte is accounted for", async () => {
  await using tmp = await tmpdir();
  let file = 0;
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 60 }), fc.nat(12_000), (events, diskLimitBytes) => {
      const path = join(tmp.path, `${(file += 1)}.ndjson`);
      const spool = createSpool(path, { diskLimitBytes, fsyncIntervalMs: 0 });
      for (const event of events) spool.append(event);
      spool.close();
      expect(eventsIn(path).filter(isStructural)).toEqual(events.filter(isStructural));
      const produced = events.reduce(
        (sum, event) => sum + ("output" in event ? Buffer.byteLength(event.output) : 0),
        0,
      );
      expect(Buffer.byteLength(printedIn(path)) + spool.stats.droppedBytes).toBe(produced);
    }),
    { numRuns: 200 },
  );
});
