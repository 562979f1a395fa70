import { expect, setSystemTime, test } from "bun:test";
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { createLogPruner, listKeptLogs } from "../../src/agent/kept-logs.ts";
import { writeDocument } from "../../src/os/state/document.ts";
import { makePrivateDirectory } from "../../src/os/state/private-directory.ts";
import { takeLock } from "../../src/os/state/lock.ts";
import { tmpdir } from "../../src/testing/index.ts";

test("logs of all agents and slots are listed, the newest first, with the results of their jobs", async () => {
  await using place = await tmpdir();
  await putLog(place.path, "a/slot-0", "old", { ageDays: 2, result: "passed", isReleased: true });
  await putLog(place.path, "b/slot-1", "new", { ageDays: 0, isReleased: false });
  expect(
    listKeptLogs(place.path).map(({ jobId, summary, isReleased }) => [jobId, summary?.result, isReleased]),
  ).toEqual([
    ["new", undefined, false],
    ["old", "passed", true],
  ]);
  expect(listKeptLogs(join(place.path, "nowhere"))).toEqual([]);
});

test("a job without a result is running while its process runs, otherwise its result is unknown", async () => {
  await using place = await tmpdir();
  await putLog(place.path, "a/slot-0", "alive", { ageDays: 0, isReleased: false });
  await putLog(place.path, "a/slot-0", "dead", { ageDays: 1, isReleased: false });
  using _lock = takeLock(join(place.path, "agents/a/slot-0/jobs/alive/lock"));
  await Bun.write(
    join(place.path, "agents/a/slot-0/jobs/dead/lock"),
    JSON.stringify({ pid: process.pid, bootId: "of an earlier start of the machine", startTime: 1 }),
  );
  expect(listKeptLogs(place.path).map(({ jobId, result }) => [jobId, result])).toEqual([
    ["alive", undefined],
    ["dead", "unknown"],
  ]);
});

test("logs that are too old or exceed the total size are removed, except for those of unreported jobs", async () => {
  await using place = await tmpdir();
  const put = (id: string, ageDays: number, isReleased = true) =>
    putLog(place.path, "a/slot-0", id, { ageDays, isReleased, result: "passed" });
  await put("today", 0);
  await put("yesterday", 1);
  await put("earlier", 2);
  await put("long ago", 30);
  await put("waiting", 31, false);
  const jobs = join(place.path, "agents/a/slot-0/jobs");
  const left = () => listKeptLogs(place.path).map(({ jobId }) => jobId);
  createLogPruner(jobs, { maxBytes: 1000, maxAgeMs: 7 * day }).prune();
  expect(left()).toEqual(["today", "yesterday", "earlier", "waiting"]);
  createLogPruner(jobs, { maxBytes: 25, maxAgeMs: 7 * day }).prune();
  expect(left()).toEqual(["today", "yesterday", "waiting"]);
});

test("a log that completes is counted, and the oldest are removed when the size is exceeded", async () => {
  await using place = await tmpdir();
  const jobs = join(place.path, "agents/a/slot-0/jobs");
  const end = async (id: string, ageDays: number, isReleased = true) => {
    await putLog(place.path, "a/slot-0", id, { ageDays, isReleased, result: "passed" });
    pruner.add(join(jobs, id));
  };
  const left = () => readdirSync(jobs).toSorted();
  await putLog(place.path, "a/slot-0", "before", { ageDays: 6, isReleased: true });
  const pruner = createLogPruner(jobs, { maxBytes: 35, maxAgeMs: 7 * day });
  pruner.prune();
  await end("first", 5);
  await end("unreported", 4, false);
  expect(left()).toEqual(["before", "first", "unreported"]);
  await end("second", 3);
  expect(left()).toEqual(["first", "second", "unreported"]);
  await end("third", 2);
  await end("fourth", 1);
  expect(left()).toEqual(["fourth", "second", "third", "unreported"]);
});

test("logs that have become too old are removed when an hour has passed", async () => {
  await using place = await tmpdir();
  const jobs = join(place.path, "agents/a/slot-0/jobs");
  const put = (id: string, ageDays: number) =>
    putLog(place.path, "a/slot-0", id, { ageDays, isReleased: true, result: "passed" });
  const pruner = createLogPruner(jobs, { maxBytes: 1000, maxAgeMs: 7 * day });
  await put("old", 8);
  await put("new", 0);
  pruner.prune();
  await put("older", 9);
  pruner.add(join(jobs, "new"));
  expect(readdirSync(jobs).toSorted()).toEqual(["new", "older"]);
  setSystemTime(Date.now() + 3_700_000);
  try {
    pruner.add(join(jobs, "new"));
  } finally {
    setSystemTime();
  }
  expect(readdirSync(jobs)).toEqual(["new"]);
});

const day = 24 * 3600 * 1000;

/** A log of ten bytes. */
async function putLog(
  place: string,
  slot: string,
  id: string,
  job: { ageDays: number; result?: string; isReleased: boolean },
): Promise<void> {
  const directory = makePrivateDirectory(join(place, "agents", slot, "jobs", id));
  const spool = join(directory, "events.ndjson");
  await Bun.write(spool, "123456789\n");
  const date = (Date.now() - job.ageDays * day) / 1000;
  utimesSync(spool, date, date);
  if (job.result)
    writeDocument(join(directory, "result.json"), {
      result: job.result,
      durationMs: 1,
      log: { events: 1, bytes: 10, droppedBytes: 0 },
    });
  if (!job.isReleased) writeDocument(join(directory, "request.json"), {});
}
