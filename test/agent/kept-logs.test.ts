import { expect, setSystemTime, test } from "bun:test";
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { createLogPruner, listJobs } from "../../src/agent/kept-logs.ts";
import { isDead, readStat } from "../../src/os/processes/proc.ts";
import { readBootId } from "../../src/os/state/boot-id.ts";
import { writeDocument } from "../../src/os/state/document.ts";
import { makePrivateDirectory } from "../../src/os/state/private-directory.ts";
import { takeLock } from "../../src/os/state/lock.ts";
import { tmpdir } from "../../src/testing/index.ts";

test("logs of all agents and slots are listed, the newest first, with the results of their jobs", async () => {
  await using place = await tmpdir();
  await putLog(place.path, "a/slot-0", "old", { ageDays: 2, result: "passed", isReleased: true });
  await putLog(place.path, "b/slot-1", "new", { ageDays: 0, isReleased: false });
  expect(
    listJobs({ stateDirectory: place.path }).map(({ id, slot, summary, isReported }) => [
      id,
      slot,
      summary?.result,
      isReported,
    ]),
  ).toEqual([
    ["new", 1, undefined, false],
    ["old", 0, "passed", true],
  ]);
  expect(listJobs({ stateDirectory: join(place.path, "nowhere") })).toEqual([]);
});

test("a job without a result is running while its process runs, otherwise it has died", async () => {
  await using place = await tmpdir();
  await putLog(place.path, "a/slot-0", "alive", { ageDays: 0, isReleased: false });
  await putLog(place.path, "a/slot-0", "dead", { ageDays: 1, isReleased: false });
  await putLog(place.path, "a/slot-0", "zombie", { ageDays: 2, isReleased: false });
  using _lock = takeLock(join(place.path, "agents/a/slot-0/jobs/alive/lock"));
  await using zombie = await createZombie();
  const { startTime } = readStat(zombie.pid)!;
  await Bun.write(
    join(place.path, "agents/a/slot-0/jobs/zombie/lock"),
    JSON.stringify({ pid: zombie.pid, bootId: readBootId(), startTime }),
  );
  await Bun.write(
    join(place.path, "agents/a/slot-0/jobs/dead/lock"),
    JSON.stringify({ pid: process.pid, bootId: "of an earlier start of the machine", startTime: 1 }),
  );
  expect(listJobs({ stateDirectory: place.path }).map(({ id, state }) => [id, state])).toEqual([
    ["alive", "running"],
    ["dead", "died"],
    ["zombie", "died"],
  ]);
});

test("jobs are listed by the start of their logs, unless that is later than the last event", async () => {
  await using place = await tmpdir();
  const now = Math.floor(Date.now() / 1000);
  const begins = { silent: now - 60, done: now - 120, forged: now + 3600 };
  for (const [id, timestamp] of Object.entries(begins)) {
    await putLog(place.path, "a/slot-0", id, { ageDays: 1, isReleased: true, result: "passed" });
    const spool = join(place.path, "agents/a/slot-0/jobs", id, "events.ndjson");
    await Bun.write(spool, `{"event":"job_started","timestamp":${timestamp}}\n`);
    const changedAt = id === "forged" ? now - 200 : id === "silent" ? now - 50 : now;
    utimesSync(spool, changedAt, changedAt);
  }
  expect(listJobs({ stateDirectory: place.path }).map(({ id, startedAt }) => [id, startedAt])).toEqual([
    ["silent", (now - 60) * 1000],
    ["done", (now - 120) * 1000],
    ["forged", undefined],
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
  const left = () => listJobs({ stateDirectory: place.path }).map(({ id }) => id);
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

/** A process that is dead and that its parent does not reap. */
async function createZombie(): Promise<AsyncDisposable & { readonly pid: number }> {
  const parent = Bun.spawn(["sh", "-c", "sleep 0.2 & echo $!; exec sleep 3600"], { stdout: "pipe" });
  const { value } = await parent.stdout[Symbol.asyncIterator]().next();
  const pid = Number(new TextDecoder().decode(value));
  for (let stat = readStat(pid); stat && !isDead(stat); stat = readStat(pid)) await Bun.sleep(5);
  return {
    pid,
    async [Symbol.asyncDispose]() {
      parent.kill("SIGKILL");
      await parent.exited;
    },
  };
}

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
