import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readDocument, writeDocument } from "../../src/os/state/document.ts";
import type { JobSummary } from "../../src/core/contracts/job-summary.ts";
import type { JobProcessRecord } from "../../src/job/state/job-files.ts";
import { isJobLocked } from "../../src/job/state/job-lock.ts";
import { createSlot, delivery, request } from "./fixtures.ts";
import { until } from "./job-processes.ts";

type Slot = Awaited<ReturnType<typeof createSlot>>;

/** Waits until the job has printed this. */
async function shows(slot: Slot, text: string): Promise<void> {
  const isShown = () =>
    slot.received.some((event) => event.event === "cmd_output" && event.output.includes(text));
  await until(() => isShown() || undefined);
}

const readResult = (slot: Slot, id: string): unknown =>
  readDocument(join(slot.path, "jobs", id, "result.json"));

/** Kills the job's process, and waits for its death. */
async function killJobProcess(slot: Slot, id: string): Promise<void> {
  const directory = join(slot.path, "jobs", id);
  const { pid } = readDocument<JobProcessRecord>(join(directory, "process.json"))!;
  process.kill(pid, "SIGKILL");
  await until(() => !isJobLocked(directory) || undefined);
}

function expectOrder({ times, durationMs }: JobSummary): void {
  const { assignedAt, fetchedAt, startedAt, finishedAt } = times;
  const order = [assignedAt ?? 0, fetchedAt ?? startedAt, startedAt, finishedAt, Date.now()];
  expect(order.toSorted((a, b) => a - b)).toEqual(order);
  expect(Math.abs(finishedAt - startedAt - durationMs)).toBeLessThan(1);
}

describe("the cause of a job", () => {
  test("and its times are stored with its result, and reach plugins", async () => {
    await using slot = await createSlot();
    const jobs = slot.again();
    const wanted = request("(exit 3)");
    const before = Date.now();
    jobs.expect(wanted.id);
    const job = await jobs.start(wanted, delivery);
    const { summary } = await job.done;
    expect(summary.cause).toMatchObject({ kind: "command", exitCode: 3 });
    expectOrder(summary);
    expect(summary.times.assignedAt).toBeGreaterThanOrEqual(before);
    expect(readResult(slot, wanted.id)).toMatchObject({ cause: summary.cause, times: summary.times });
    expect(slot.ended).toMatchObject([{ cause: summary.cause, times: summary.times }]);
    slot.ended.length = 0;
    await (
      await slot.again().left[0]!.claim(delivery)
    ).done;
    expect(slot.ended).toMatchObject([{ cause: summary.cause, times: summary.times }]);
  });

  test("whose process was killed has the signal, and its times are those of its life", async () => {
    await using slot = await createSlot();
    const wanted = request("echo begun; sleep 600");
    const job = await slot.again().start(wanted, delivery);
    await shows(slot, "begun");
    const killedAt = Date.now();
    await killJobProcess(slot, wanted.id);
    const { summary } = await job.done;
    expect(summary.cause).toEqual({
      kind: "died",
      message: "the job's process died; it was ended by SIGKILL",
      signal: "SIGKILL",
    });
    expectOrder(summary);
    expect(summary.durationMs).toBeGreaterThan(0);
    expect(summary.times.finishedAt).toBeGreaterThanOrEqual(killedAt);
    expect(slot.ended).toMatchObject([{ cause: summary.cause, durationMs: summary.durationMs }]);
  });

  test("whose process died without an agent: it lasted until the last line of its log", async () => {
    await using slot = await createSlot();
    const id = "left-alone";
    const spool = join(slot.path, "jobs", id, "events.ndjson");
    const agent = Bun.spawn([process.execPath, join(import.meta.dir, "starting-agent.ts"), slot.path, id], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    await until(() => readTextIfAny(spool).includes("begun") || undefined);
    agent.kill("SIGKILL");
    await agent.exited;
    await killJobProcess(slot, id);
    const lastWrite = statSync(spool).mtimeMs;
    const job = await slot.again().left[0]!.claim(delivery);
    const { summary } = await job.done;
    expect(summary.cause).toEqual({ kind: "died", message: "the job's process died" });
    expectOrder(summary);
    expect(Math.abs(summary.times.finishedAt - lastWrite)).toBeLessThanOrEqual(1000);
    const { times } = summary;
    expect([times.assignedAt, times.fetchedAt]).toEqual([expect.any(Number), expect.any(Number)]);
    expect(slot.announced).toEqual([`resumed ${id}`]);
  });

  test("whose process could not be started", async () => {
    await using slot = await createSlot();
    const job = await slot.again({ program: ["false"] }).start(request("echo never"), delivery);
    const { summary } = await job.done;
    expect(summary.cause).toMatchObject({ kind: "died", exitCode: 1 });
    expectOrder(summary);
  });

  test("that can never run is its refusal, and it was not fetched", async () => {
    await using slot = await createSlot();
    const wanted = request("echo never");
    const job = await slot.again().fail(wanted, "its request could not be read", delivery);
    const { summary } = await job.done;
    expect(summary.cause).toEqual({ kind: "refused", message: "its request could not be read" });
    expectOrder(summary);
    expect(summary.times.fetchedAt).toBeUndefined();
    expect(readResult(slot, wanted.id)).toMatchObject({ cause: summary.cause, times: summary.times });
  });

  test("whose log nothing delivers is a refusal", async () => {
    await using slot = await createSlot({ logMethods: { push: "nowhere" } });
    const { summary } = await (await slot.again().start(request("echo never"), delivery)).done;
    expect(summary.cause).toMatchObject({ kind: "refused", message: expect.stringContaining("nowhere") });
    expect(summary.times.fetchedAt).toBeNumber();
  });

  test("that was taken away and stopped is the loss", async () => {
    await using slot = await createSlot();
    const lost = new AbortController();
    const job = await slot
      .again()
      .start(request("echo begun; sleep 600"), { ...delivery, lost: lost.signal });
    await shows(slot, "begun");
    lost.abort();
    job.stop();
    const { summary } = await job.done;
    expect([summary.result, summary.cause?.kind]).toEqual(["stopped", "lost"]);
  });

  test("that replaces its lock is the change", async () => {
    await using slot = await createSlot();
    const wanted = request("echo begun; sleep 600");
    const replace = `rm -f "${slot.path}/jobs/${wanted.id}/lock"; true`;
    const job = await slot.again().start({ ...request(replace), id: wanted.id }, delivery);
    const { summary } = await job.done;
    expect(summary.cause).toEqual({
      kind: "tampered",
      message: "another process removed or replaced the job's lock",
    });
  });

  test("with an unreadable request is unknown", async () => {
    await using slot = await createSlot();
    const wanted = request("true");
    await (
      await slot.again().start(wanted, delivery)
    ).done;
    writeFileSync(join(slot.path, "jobs", wanted.id, "request.json"), "damaged");
    const { summary } = await (await slot.again().left[0]!.claim(delivery)).done;
    expect([summary.result, summary.cause?.kind]).toEqual(["failed", "unknown"]);
  });
});

test("a message of a cause that a job has written is one short line", async () => {
  await using slot = await createSlot();
  const wanted = request("x");
  const path = join(slot.path, "jobs", wanted.id);
  mkdirSync(path, { recursive: true });
  writeDocument(join(path, "request.json"), wanted);
  const cause = { kind: "command", message: `a\n\u001b[2J${"b".repeat(10_000)}` };
  const log = { events: 0, bytes: 0, droppedBytes: 0 };
  writeDocument(join(path, "result.json"), { result: "failed", durationMs: 1, log, cause });
  const { summary } = await (await slot.again().left[0]!.claim(delivery)).done;
  expect(summary.cause?.message).toMatch(/^a ⏎ ␛\[2Jb+…$/);
  expect(summary.cause?.message).toHaveLength(500);
});

describe("a result without times and cause, as of the first releases", () => {
  const old = { result: "failed", durationMs: 1500.4, log: { events: 0, bytes: 0, droppedBytes: 0 } };

  /** Claims a job that an old release has left with this result. */
  async function claimOld(slot: Slot, result: object, log: string) {
    const wanted = request("x");
    const path = join(slot.path, "jobs", wanted.id);
    mkdirSync(path, { recursive: true });
    writeDocument(join(path, "request.json"), wanted);
    writeDocument(join(path, "result.json"), result);
    if (log !== "") writeFileSync(join(path, "events.ndjson"), log);
    return (await (await slot.again().left[0]!.claim(delivery)).done).summary;
  }

  test("gets its times from the log", async () => {
    await using slot = await createSlot();
    const log = `${JSON.stringify({ event: "job_started", timestamp: 1000 })}\n`;
    const summary = await claimOld(slot, { ...old, log: { ...old.log, events: 1, bytes: log.length } }, log);
    expect(summary.times).toEqual({ startedAt: 1_000_000, finishedAt: 1_001_500 });
    expect(summary.cause).toBeUndefined();
  });

  test("gets its times from the file when the log is gone", async () => {
    await using slot = await createSlot();
    const { times } = await claimOld(slot, old, "");
    expect(times.finishedAt - times.startedAt).toBe(1500);
    expect(Math.abs(Date.now() - times.finishedAt)).toBeLessThan(60_000);
  });

  test("of a later release may have a kind of cause and fields that this one does not know", async () => {
    await using slot = await createSlot();
    const later = {
      ...old,
      cause: { kind: "eclipse", message: "dark", moon: 1 },
      times: { startedAt: 1, finishedAt: 2, seenAt: 3 },
    };
    const summary = await claimOld(slot, later, "");
    expect(summary).toMatchObject({
      result: "failed",
      cause: { kind: "eclipse" },
      times: later.times,
    } as never);
  });

  test.each([
    [{ times: { startedAt: "yesterday", finishedAt: 2 } }],
    [{ times: { startedAt: 1, finishedAt: -2 } }],
    [{ cause: { kind: 7, message: "x" } }],
    [{ cause: { kind: "x".repeat(41), message: "x" } }],
    [{ cause: { kind: "died", message: "x", signal: "\u001b[2J" } }],
    [{ cause: { kind: "command", message: "x", command: { phase: "commands", index: "0" } } }],
  ])("with the fields %j is damaged", async (fields) => {
    await using slot = await createSlot();
    const summary = await claimOld(slot, { ...old, ...fields }, "");
    expect(summary.cause).toMatchObject({ kind: "died", message: expect.stringContaining("cannot be used") });
  });
});

test("times that a job has written to its log do not exceed its life", async () => {
  await using slot = await createSlot();
  const wanted = request("x");
  const path = join(slot.path, "jobs", wanted.id);
  const arrival = { assignedAt: Date.now() - 2000, fetchedAt: Date.now() - 1000 };
  mkdirSync(path, { recursive: true });
  writeDocument(join(path, "request.json"), wanted);
  const record: Partial<JobProcessRecord> = { socket: "", secret: "", arrival };
  writeDocument(join(path, "process.json"), record);
  const events = [
    { event: "job_started", timestamp: 1 },
    { event: "cmd_started", timestamp: Number.MAX_SAFE_INTEGER, directive: "x" },
  ];
  writeFileSync(join(path, "events.ndjson"), events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  const { summary } = await (await slot.again().left[0]!.claim(delivery)).done;
  expectOrder(summary);
  expect(summary.times).toMatchObject({ ...arrival, startedAt: arrival.fetchedAt });
});

describe("plugins are told of a job", () => {
  test("once when it is assigned, and once when it starts", async () => {
    await using slot = await createSlot();
    const jobs = slot.again();
    const wanted = request("true");
    jobs.expect(wanted.id);
    expect(slot.announced).toEqual([`assigned ${wanted.id}`]);
    const job = await jobs.start(wanted, delivery);
    await job.done;
    expect(slot.announced).toEqual([`assigned ${wanted.id}`, `started ${wanted.id}`]);
    await job.release();
    const next = request("true");
    await (
      await jobs.start(next, delivery)
    ).done;
    expect(slot.announced.slice(2)).toEqual([`assigned ${next.id}`, `started ${next.id}`]);
  });

  test("once when it cannot be started and is refused then", async () => {
    await using slot = await createSlot();
    const jobs = slot.again({ program: ["/nonexistent"] });
    const wanted = request("true");
    jobs.expect(wanted.id);
    await jobs.start(wanted, delivery).catch(() => {});
    await (
      await jobs.fail(wanted, "it could not be started", delivery)
    ).done;
    expect(slot.announced).toEqual([`assigned ${wanted.id}`, `started ${wanted.id}`]);
  });

  test("of its assignment before its start, however slow a listener is", async () => {
    const released = Promise.withResolvers<void>();
    await using slot = await createSlot({
      setup: (ctx) => ctx.hook("agent:job-assigned", () => released.promise),
    });
    const job = await slot.again().start(request("true"), delivery);
    await job.ended;
    expect(slot.announced).toEqual([]);
    released.resolve();
    await job.done;
    expect(slot.announced).toEqual([`assigned ${job.id}`, `started ${job.id}`]);
    expect(slot.ended).toHaveLength(1);
  });

  test("as resumed, and not as started, by the next agent", async () => {
    await using slot = await createSlot();
    const wanted = request("echo begun; sleep 600");
    await slot.again().start(wanted, delivery);
    await shows(slot, "begun");
    const job = await slot.again().left[0]!.claim(delivery);
    job.stop();
    expect((await job.done).summary.cause?.kind).toBe("stopped");
    expect(slot.announced).toEqual([`assigned ${wanted.id}`, `started ${wanted.id}`, `resumed ${wanted.id}`]);
  });
});

function readTextIfAny(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
