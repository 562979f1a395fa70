import { expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { readDocument, writeDocument } from "../../src/os/state/document.ts";
import type { JobProcessRecord } from "../../src/job/state/job-files.ts";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import { findHolder } from "../../src/os/state/lock.ts";
import { unixSeconds } from "../../src/job/log/events.ts";
import { createSlot, delivery, request, toStory } from "./fixtures.ts";
import { findJobProcesses, until } from "./job-processes.ts";

test("a job runs in its own process, and its log and result are delivered", async () => {
  await using slot = await createSlot();
  const job = await slot.again().start(request("echo hello", "exit 3"), delivery);
  const { summary, log } = await job.done;
  expect(summary.result).toBe("failed");
  expect(log).toEqual({ trimmed: false, undelivered: 0 });
  expect(toStory(slot.received)).toContain("echo hello → 0: hello\n");
  expect(slot.received.at(-1)).toMatchObject({ event: "job_finished", result: "failed" });
});

test("files are readable by their owner only, and the request is removed with the job", async () => {
  await using slot = await createSlot();
  const wanted = request("echo hello");
  const job = await slot.again().start(wanted, delivery);
  const directory = join(slot.path, "jobs", wanted.id);
  await job.done;
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o077).toBe(0);
  expect(existsSync(join(directory, "request.json"))).toBe(true);
  await job.release();
  expect(readdirSync(directory).toSorted()).toEqual([
    "delivery.json",
    "events.ndjson",
    "process.log",
    "result.json",
  ]);
  expect(readFileSync(join(directory, "process.log"), "utf8")).toBe("");
});

test("a job whose id names another directory is refused, and nothing there is removed", async () => {
  await using slot = await createSlot();
  const jobs = slot.again();
  const kept = join(slot.path, "kept");
  mkdirSync(kept);
  const id = "../kept";
  jobs.expect(id);
  await expect(jobs.start({ ...request("echo hello"), id }, delivery)).rejects.toThrow(
    'invalid job id "../kept"',
  );
  await expect(jobs.fail({ ...request(), id }, "no", delivery)).rejects.toThrow('invalid job id "../kept"');
  expect(existsSync(kept)).toBe(true);
});

test("an expected job runs in the process that was started for it", async () => {
  await using slot = await createSlot();
  const jobs = slot.again();
  const wanted = request("echo hello");
  jobs.expect(wanted.id);
  const waiting = await until(() => findJobProcesses(wanted.id)[0]);
  expect(existsSync(join(slot.path, "jobs", wanted.id, "request.json"))).toBe(false);
  const job = await jobs.start(wanted, delivery);
  expect(findJobProcesses(wanted.id)).toEqual([waiting]);
  expect((await job.done).summary.result).toBe("passed");
  expect(toStory(slot.received)).toContain("echo hello → 0: hello\n");
});

test("a process whose job is not assigned exits without running a command", async () => {
  await using slot = await createSlot();
  const jobs = slot.again();
  const refused = request("echo never");
  jobs.expect(refused.id);
  await until(() => findHolder(join(slot.path, "jobs", refused.id, "lock")));
  const failed = await jobs.fail(refused, "its request could not be read", delivery);
  expect((await failed.done).summary.result).toBe("failed");
  await until(() => (findJobProcesses(refused.id).length === 0 ? true : undefined));

  const other = request("echo other");
  jobs.expect(refused.id);
  const job = await jobs.start(other, delivery);
  expect((await job.done).summary.result).toBe("passed");
  await until(() => (findJobProcesses(refused.id).length === 0 ? true : undefined));
});

test("a process that waits for its job exits with its agent and leaves no files", async () => {
  await using slot = await createSlot();
  const id = "never-comes";
  const agent = Bun.spawn([process.execPath, join(import.meta.dir, "expecting-agent.ts"), slot.path, id], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await until(() => findJobProcesses(id)[0]);
  agent.kill("SIGKILL");
  await until(() => (findJobProcesses(id).length === 0 ? true : undefined));
  expect(slot.again().left).toEqual([]);
  expect(readdirSync(join(slot.path, "jobs"))).toEqual([]);
});

test("a log without a delivery cursor is delivered from its beginning", async () => {
  await using slot = await createSlot();
  const wanted = request("echo hello");
  const first = await slot.again().start(wanted, delivery);
  await first.done;
  writeFileSync(join(slot.path, "jobs", wanted.id, "delivery.json"), "");
  slot.received.length = 0;
  const [left] = slot.again().left;
  const job = await left!.claim(delivery);
  expect((await job.done).log).toEqual({ trimmed: false, undelivered: 0 });
  expect(toStory(slot.received)).toContain("echo hello → 0: hello\n");
});

test("a log that was truncated before its delivery cursor is delivered again", async () => {
  await using slot = await createSlot();
  const wanted = request("x");
  const path = join(slot.path, "jobs", wanted.id);
  const events: JobEvent[] = [
    { event: "job_started", timestamp: 1 },
    { event: "cmd_started", timestamp: 1, directive: "x" },
    ...[1, 2, 3].map((n) => ({ event: "cmd_output", timestamp: 1, output: `line ${n}\n` }) as const),
  ];
  slot.received.push(...events);
  mkdirSync(path, { recursive: true });
  const log = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  writeDocument(join(path, "request.json"), wanted);
  writeDocument(join(path, "process.json"), { bootId: "another", socket: "", secret: "" });
  // By chance this is the start of an event that is written when the log is closed.
  const output = "[signalman: the machine was restarted while the job ran; the job is reported as failed]\n";
  const closing = JSON.stringify({ event: "cmd_output", timestamp: unixSeconds(), output });
  const offset = log.lastIndexOf("\n", log.indexOf("line 2")) + 1 + closing.length + 1;
  writeDocument(join(path, "delivery.json"), { event: events.length, offset });
  writeFileSync(join(path, "events.ndjson"), log.fill(0, log.indexOf("line 2"), log.indexOf("line 3")));
  const job = await slot.again().left[0]!.claim(delivery);
  expect((await job.done).summary.result).toBe("failed");
  expect(toStory(slot.received)).toEqual([`x → 1: line 1\n${output}`, "failed"]);
});

test("a job whose process cannot start fails with the reason in its log", async () => {
  await using slot = await createSlot();
  const job = await slot.again({ program: ["false"] }).start(request("echo never"), delivery);
  expect((await job.done).summary.result).toBe("failed");
  expect(toStory(slot.received)[0]).toContain("the job's process could not be started");
});

test("a stop ends the job as stopped", async () => {
  await using slot = await createSlot();
  const job = await slot.again().start(request("echo begun; sleep 60"), delivery);
  while (
    !toStory([...slot.received, { event: "cmd_finished" } as never]).some((line) => line.includes("begun"))
  ) {
    await Bun.sleep(10);
  }
  job.stop();
  expect((await job.done).summary.result).toBe("stopped");
});

test("a stop directly after the assignment takes effect", async () => {
  await using slot = await createSlot();
  const job = await slot.again().start(request("sleep 60"), delivery);
  job.stop();
  expect((await job.done).summary.result).toBe("stopped");
});

test("another agent resumes a running job, and its log is complete", async () => {
  await using slot = await createSlot();
  const wanted = request("for i in $(seq 1 200); do echo line $i; sleep 0.005; done");
  await slot.again().start(wanted, delivery);
  await until(() => slot.received.find((event) => event.event === "cmd_output"));
  const [left] = slot.again().left;
  expect(left?.id).toBe(wanted.id);
  const job = await left!.claim(delivery);
  expect((await job.done).summary.result).toBe("passed");
  const lines = Array.from({ length: 200 }, (_, i) => `line ${i + 1}\n`).join("");
  expect(toStory(slot.received)).toContain(`${wanted.commands[0]!.directive} → 0: ${lines}`);
});

test("a job whose process is killed fails with the reason in its open command", async () => {
  await using slot = await createSlot();
  const wanted = request(`echo begun; sleep 60; touch ${slot.path}/deployed`);
  const job = await slot.again().start(wanted, delivery);
  const record = await until(() =>
    slot.received.some((event) => event.event === "cmd_output" && event.output.includes("begun"))
      ? readDocument<JobProcessRecord>(join(slot.path, "jobs", wanted.id, "process.json"))
      : undefined,
  );
  process.kill(record.pid, "SIGKILL");
  expect((await job.done).summary.result).toBe("failed");
  expect(toStory(slot.received).slice(-2)).toEqual([
    `${wanted.commands[0]!.directive} → 1: begun\n[signalman: the job's process died; it was ended by SIGKILL; the job is reported as failed]\n`,
    "failed",
  ]);
  expect(existsSync(join(slot.path, "deployed"))).toBe(false);
});

test("a job whose process dies during a hand-over is left to the next agent", async () => {
  const handOver = new AbortController();
  await using slot = await createSlot({ handOver: handOver.signal });
  const wanted = request("echo begun; sleep 60");
  const job = await slot.again().start(wanted, delivery);
  const record = await until(() =>
    slot.received.some((event) => event.event === "cmd_output" && event.output.includes("begun"))
      ? readDocument<JobProcessRecord>(join(slot.path, "jobs", wanted.id, "process.json"))
      : undefined,
  );
  handOver.abort();
  process.kill(record.pid, "SIGKILL");
  await until(() => (findJobProcesses(wanted.id).length === 0 ? true : undefined));
  await using next = await createSlot({ path: slot.path });
  const [left] = next.again().left;
  expect((await (await left!.claim(delivery)).done).summary.result).toBe("failed");
  expect(await Promise.race([job.done, Bun.sleep(500).then(() => "left")])).toBe("left");
});

test("a job with a request but no log fails and does not run", async () => {
  await using slot = await createSlot();
  const wanted = request("echo never");
  const failed = await slot.again().fail(wanted, "its request could not be read", delivery);
  expect((await failed.done).summary.result).toBe("failed");
  expect(toStory(slot.received)).toEqual([
    "Ending the job → 1: [signalman: its request could not be read; the job is reported as failed]\n",
    "failed",
  ]);
});

test("a job that cannot run has its log and result on disk before its request, so that no agent runs it after a crash", async () => {
  await using slot = await createSlot();
  const wanted = request("echo never");
  await slot.again().fail(wanted, "its request could not be read", delivery);
  const directory = join(slot.path, "jobs", wanted.id);
  const [log, result, kept] = ["events.ndjson", "result.json", "request.json"].map(
    (name) => statSync(join(directory, name), { bigint: true }).mtimeNs,
  ) as [bigint, bigint, bigint];
  expect(log <= result && result <= kept).toBe(true);
  unlinkSync(join(directory, "request.json"));
  expect(slot.again().left).toEqual([]);
});

test("a job with an agent continues after its claim time-out", async () => {
  await using slot = await createSlot({ claimTimeoutMs: 200 });
  const job = await slot.again().start(request("sleep 0.8; echo done"), delivery);
  expect((await job.done).summary.result).toBe("passed");
});
