import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeDocument } from "../../src/os/state/document.ts";
import { createSlot, delivery, request, toStory } from "./fixtures.ts";

test("plugins are notified of the end of a job with its request, and the status is reporting", async () => {
  await using slot = await createSlot();
  const wanted = request("echo hello");
  const job = await slot.again().start(wanted, delivery);
  await job.done;
  expect(slot.ended).toMatchObject([{ slot: 0, jobId: wanted.id, job: wanted, result: "passed" }]);
  expect(slot.status.read().slots[0]?.job?.phase).toBe("reporting");
  await job.release();
  expect(slot.status.read().slots[0]?.job).toBeUndefined();
});

test("a job with an unreadable result fails: its log is delivered, and plugins are notified", async () => {
  await using slot = await createSlot();
  const wanted = request("x");
  const path = join(slot.path, "jobs", wanted.id);
  mkdirSync(path, { recursive: true });
  writeDocument(join(path, "request.json"), wanted);
  writeDocument(join(path, "process.json"), { socket: "", secret: "" });
  writeFileSync(
    join(path, "events.ndjson"),
    `${JSON.stringify({ event: "job_finished", timestamp: 1, result: "passed" })}\n`,
  );
  writeFileSync(join(path, "result.json"), "damaged");
  const job = await slot.again().left[0]!.claim(delivery);
  expect((await job.done).summary.result).toBe("failed");
  expect(toStory(slot.received)).toEqual(["passed"]);
  expect(slot.ended).toMatchObject([{ jobId: wanted.id, result: "failed" }]);
  expect(slot.status.read().slots[0]?.job?.phase).toBe("reporting");
  expect(slot.logger.entries.filter(({ level }) => level === "error").map(({ message }) => message)).toEqual([
    expect.stringMatching(/its result cannot be used: .*result\.json.*; the job is reported as failed$/),
  ]);
});

test("a job whose log was removed keeps its result, and plugins are notified", async () => {
  await using slot = await createSlot();
  const wanted = request("x");
  const path = join(slot.path, "jobs", wanted.id);
  mkdirSync(path, { recursive: true });
  writeDocument(join(path, "request.json"), wanted);
  writeDocument(join(path, "result.json"), { result: "passed", durationMs: 1, log: { events: 0, bytes: 0 } });
  const job = await slot.again().left[0]!.claim(delivery);
  expect((await job.done).summary.result).toBe("passed");
  expect(slot.ended).toMatchObject([{ jobId: wanted.id, result: "passed" }]);
});
