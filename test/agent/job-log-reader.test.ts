import { describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { openJobLog } from "../../src/agent/job-log-reader.ts";
import { isAgentError } from "../../src/core/errors.ts";
import { closeJob } from "../../src/job/end/close-job.ts";
import { createSpool, type Spool } from "../../src/job/log/spool.ts";
import { readBootId } from "../../src/os/state/boot-id.ts";
import { writeDocument } from "../../src/os/state/document.ts";
import { makePrivateDirectory } from "../../src/os/state/private-directory.ts";
import { readStat } from "../../src/os/processes/proc.ts";
import { jobEvents, tmpdir } from "../../src/testing/index.ts";

const events = jobEvents(["one", "two"]);

/** The state directory of an agent with one job. Its process and the agent are programs that sleep. */
async function createPlace() {
  const directory = await tmpdir();
  const agent = join(directory.path, "agents/a");
  const job = makePrivateDirectory(join(agent, "slot-0/jobs/job"));
  const spool = join(job, "events.ndjson");
  const processes = [join(job, "lock"), join(agent, "lock")].map((lock) => {
    const child = Bun.spawn(["sleep", "3600"]);
    const { pid } = child;
    appendFileSync(
      lock,
      JSON.stringify({ pid, bootId: readBootId(), startTime: readStat(pid)?.startTime ?? 0 }),
    );
    return child;
  });
  writeDocument(join(job, "request.json"), {});
  const kill = async (index: number) => {
    processes[index]!.kill("SIGKILL");
    await processes[index]!.exited;
  };
  return {
    job,
    spool,
    open: (options: { claimMs?: number; signal?: AbortSignal } = {}) =>
      openJobLog("job", { stateDirectory: directory.path, ...options }),
    stateDirectory: directory.path,
    createSpool: (): Spool => createSpool(spool, { diskLimitBytes: 2 ** 30, fsyncIntervalMs: 0 }),
    finish(writer: Spool) {
      writer.close();
      const { events: count, bytes, checksum, droppedBytes } = writer.stats;
      const log = { events: count, bytes, checksum, droppedBytes };
      writeDocument(join(job, "result.json"), { result: "passed", durationMs: 1, log });
    },
    killJob: () => kill(0),
    killAgent: () => kill(1),
    async [Symbol.asyncDispose]() {
      await Promise.all([kill(0), kill(1)]);
      await directory[Symbol.asyncDispose]();
    },
  };
}

const collect = (log: AsyncIterable<unknown>) => Array.fromAsync(log);
const isSettled = (promise: Promise<unknown>, afterMs: number) =>
  Promise.race([promise.then(() => true), Bun.sleep(afterMs).then(() => false)]);
const endOf = async (log: Awaited<ReturnType<typeof openJobLog>>) => {
  while (await log.next());
  return log.end;
};

describe("the log of a running job", () => {
  test("is read from its first event, then live, and ends with the job's result", async () => {
    await using place = await createPlace();
    const writer = place.createSpool();
    for (const event of events.slice(0, 3)) writer.append(event);
    using log = await place.open();
    const iterator = log[Symbol.asyncIterator]();
    const seen = [];
    for (let count = 0; count < 3; count += 1) seen.push((await iterator.next()).value);
    for (const event of events.slice(3)) {
      const next = iterator.next();
      writer.append(event);
      seen.push((await next).value);
    }
    expect(seen).toEqual(events);
    expect(log.end).toBeUndefined();
    place.finish(writer);
    expect((await iterator.next()).done).toBe(true);
    expect(log.end).toMatchObject({ reason: "finished", summary: { result: "passed" } });
  });

  test("is waited for while the job starts", async () => {
    await using place = await createPlace();
    const opening = place.open();
    await Bun.sleep(80);
    const writer = place.createSpool();
    using log = await opening;
    for (const event of events) writer.append(event);
    place.finish(writer);
    expect(await collect(log)).toEqual(events);
  });

  test("is read by many readers independently", async () => {
    await using place = await createPlace();
    const writer = place.createSpool();
    const logs = await Promise.all(Array.from({ length: 20 }, () => place.open()));
    const all = Promise.all(logs.map(collect));
    for (const event of events) {
      writer.append(event);
      await Bun.sleep(2);
    }
    place.finish(writer);
    for (const seen of await all) expect(seen).toEqual(events);
    for (const log of logs) log[Symbol.dispose]();
  });

  test("is read on after the death of the agent and of the job's process, until an agent has closed it", async () => {
    await using place = await createPlace();
    using writer = place.createSpool();
    for (const event of events.slice(0, 3)) writer.append(event);
    using log = await place.open({ claimMs: 60_000 });
    const seen = collect(log);
    await place.killAgent();
    await place.killJob();
    appendFileSync(place.spool, '{"event":"cmd_output","timest');
    await Bun.sleep(50);
    const reason = "the job's process died";
    closeJob({ directory: place.job, jobId: "job", kind: "died", reason, arrival: {} });
    const closing = [
      expect.objectContaining({
        output: "[signalman: the job's process died; the job is reported as failed]\n",
      }),
      expect.objectContaining({ event: "cmd_finished", exit_code: 1 }),
      expect.objectContaining({ event: "job_finished", result: "failed" }),
    ];
    expect(await seen).toEqual([...events.slice(0, 3), ...closing]);
    expect(log.end).toMatchObject({ reason: "finished", summary: { result: "failed" } });
    expect(log.end).not.toHaveProperty("change");
  });

  test("an aborted signal ends the iteration", async () => {
    await using place = await createPlace();
    using _writer = place.createSpool();
    const aborted = new AbortController();
    using log = await place.open({ signal: aborted.signal });
    const seen = collect(log);
    aborted.abort(new Error("enough"));
    await expect(seen).rejects.toThrow("enough");
  });
});

describe("a log without a result ends", () => {
  test("when its process is dead, and no agent closes it in time", async () => {
    await using place = await createPlace();
    using writer = place.createSpool();
    writer.append(events[0]!);
    using log = await place.open({ claimMs: 20 });
    const end = endOf(log);
    await place.killJob();
    expect(await isSettled(end, 1500)).toBe(false);
    await place.killAgent();
    expect(await end).toEqual({ reason: "died" });
  });

  test("when the job has been reported", async () => {
    await using place = await createPlace();
    using writer = place.createSpool();
    writer.append(events[0]!);
    rmSync(join(place.job, "request.json"));
    using log = await place.open();
    expect(await collect(log)).toEqual([events[0]]);
    expect(log.end).toEqual({ reason: "incomplete" });
  });

  test.each([
    ["its directory is removed", () => {}],
    [
      "a later job of the same id has its place",
      (job: string) => {
        mkdirSync(job);
        appendFileSync(join(job, "events.ndjson"), "");
      },
    ],
  ])("when %s, after what was stored before", async (_, replace) => {
    await using place = await createPlace();
    using writer = place.createSpool();
    using log = await place.open();
    for (const event of events.slice(0, 2)) writer.append(event);
    renameSync(place.job, `${place.job}.old`);
    replace(place.job);
    expect(await collect(log)).toEqual(events.slice(0, 2));
    expect(log.end).toEqual({ reason: "removed" });
  });
});

describe("what a job writes to its own log", () => {
  test("is left out unless it is an event, and the end reports the change", async () => {
    await using place = await createPlace();
    const writer = place.createSpool();
    for (const event of events) writer.append(event);
    place.finish(writer);
    appendFileSync(place.spool, 'no event\n{"event":"cmd_output","timestamp":1}\n');
    using log = await place.open();
    expect(await collect(log)).toEqual(events);
    const { size } = Bun.file(place.spool);
    const change = `it has ${size} bytes, and ${writer.stats.bytes} were written`;
    expect(log.end).toMatchObject({ reason: "finished", change });
  });

  test("a damaged result ends no log of a running job", async () => {
    await using place = await createPlace();
    const writer = place.createSpool();
    writer.append(events[0]!);
    appendFileSync(join(place.job, "result.json"), '{"version":1,"document":{"result":"passed"}}');
    using log = await place.open();
    await log.next();
    const next = log.next();
    expect(await isSettled(next, 50)).toBe(false);
    place.finish(writer);
    expect(await next).toBeUndefined();
  });

  test("a link in the log's place is refused", async () => {
    await using place = await createPlace();
    symlinkSync("/etc/passwd", place.spool);
    const refused = await place.open().catch((error: unknown) => isAgentError(error, "SPOOL_FAILED"));
    expect(refused).toBe(true);
  });
});

test.each(["nothing", "../job", "", "."])(
  "a job %p without a log is named, with those that have one",
  async (id) => {
    await using place = await createPlace();
    using _writer = place.createSpool();
    const opened = openJobLog(id, { stateDirectory: place.stateDirectory });
    const where = `in the state directory "${place.stateDirectory}"`;
    await expect(opened).rejects.toThrow(
      new RegExp(`^no log of a job "${RegExp.escape(id)}" ${where} \\(.*job\\)$`),
    );
    expect(readFileSync(place.spool, "utf8")).toBe("");
  },
);
