import { describe, expect } from "bun:test";
import { isAgentError } from "../../core/errors.ts";
import { jobRequest } from "../fixtures.ts";
import { silentLogger } from "../loggers.ts";
import { createDummyJobs } from "./dummy-jobs.ts";
import { createDummyAdmission, createDummySignals, createDummyState } from "./dummy-slot.ts";
import { testPauses } from "./pauses.ts";
import { factsOf, type JobSourceSubject } from "./scene.ts";

export type { JobSourceSubject, ReportedResult, TestControlPlane } from "./scene.ts";

/** The contract of `JobSource` as tests for `bun test`. Call it at the top of a test file. */
export function testJobSource(subject: JobSourceSubject): void {
  describe(`job source ${subject.name}`, () => {
    testStart(subject);
    testJobs(subject);
    testLeftJobs(subject);
    testSignals(subject);
    testPauses(subject);
    testFailures(subject);
  });
}

function testStart(subject: JobSourceSubject): void {
  const fact = factsOf(subject);

  fact("registers once and reports its name and its control plane", async ({ start }) => {
    const source = start();
    await source.synced;
    source.drain();
    await source.reason;
    expect(source.registrations).toHaveLength(1);
    const [{ name, controlPlane } = { name: "", controlPlane: "" }] = source.registrations;
    expect(name).not.toBe("");
    expect(controlPlane).not.toBe("");
  });

  fact("has an identity that does not change", async ({ plane }) => {
    expect(plane.open().identity).not.toBe("");
    expect(plane.open().identity).toBe(plane.open().identity);
  });

  const { createBroken } = subject;
  if (createBroken === undefined) return;
  fact("rejects with an AgentError when it cannot start", async () => {
    const running = createBroken().run({
      version: "v1.2.3",
      slot: 0,
      slots: 1,
      logger: silentLogger,
      state: createDummyState(),
      jobs: createDummyJobs(),
      signals: createDummySignals().signals,
      admission: createDummyAdmission().admission,
      registered: async () => {},
      synced() {},
      draining: async () => {},
    });
    const error: unknown = await running.catch((thrown: unknown) => thrown);
    expect(isAgentError(error), `rejected with ${String(error)}`).toBe(true);
  });
}

function testJobs(subject: JobSourceSubject): void {
  const fact = factsOf(subject);

  for (const result of ["passed", "failed"] as const) {
    fact(`reports a job that ${result}, and releases it after that`, async ({ plane, start, reported }) => {
      const jobId = await plane.submit();
      const source = start();
      const job = await source.jobs.at(0);
      expect(job.request.id).toBe(jobId);
      expect(job.delivery.lost.aborted).toBe(false);
      expect(await plane.results()).toEqual([]);
      job.finish(result);
      expect(await reported(1)).toEqual([{ jobId, result }]);
      source.drain();
      await source.reason;
      expect(job.isReleased).toBe(true);
      expect(await source.prematureReleases()).toEqual([]);
    });
  }

  fact("holds one job at a time, and runs each job once", async ({ plane, start, reported }) => {
    const ids = [await plane.submit(), await plane.submit(), await plane.submit()];
    const source = start();
    for (const index of ids.keys()) {
      const job = await source.jobs.at(index);
      expect(source.jobs.all).toHaveLength(index + 1);
      job.finish("passed");
    }
    await reported(ids.length);
    source.drain();
    await source.reason;
    expect(source.jobs.mostHeld).toBe(1);
    expect(source.jobs.all.map(({ request }) => request.id).toSorted()).toEqual(ids.toSorted());
    expect(await source.prematureReleases()).toEqual([]);
  });
}

function testLeftJobs(subject: JobSourceSubject): void {
  const fact = factsOf(subject);

  for (const result of [undefined, "failed"] as const) {
    const state = result === undefined ? "still runs" : "has ended";
    fact(
      `claims a job that an earlier process left and that ${state}, before it starts another`,
      async (scene) => {
        const jobId = await scene.plane.submit();
        const first = scene.start();
        const { request } = await first.jobs.at(0);
        first.handOver();
        await first.reason;
        const nextId = await scene.plane.submit();

        const second = scene.start([{ request, ...(result && { result }) }]);
        const claimed = await second.jobs.at(0);
        expect(claimed.request.id).toBe(jobId);
        if (result === undefined) claimed.finish("passed");
        const next = await second.jobs.at(1);
        expect(next.request.id).toBe(nextId);
        next.finish("passed");
        expect(await scene.reported(2)).toEqual([
          { jobId, result: result ?? "passed" },
          { jobId: nextId, result: "passed" },
        ]);
        second.drain();
        await second.reason;
        expect(second.jobs.mostHeld).toBe(1);
        expect(await second.prematureReleases()).toEqual([]);
      },
    );
  }

  fact("claims and releases a left job that the control plane does not know", async ({ start }) => {
    const source = start([{ request: jobRequest({ id: "99999999-0000-4000-8000-000000000000" }) }]);
    const job = await source.jobs.at(0);
    job.finish("failed");
    while (!job.isReleased) await Bun.sleep(2);
    source.drain();
    await source.reason;
  });
}

function testSignals(subject: JobSourceSubject): void {
  const fact = factsOf(subject);

  fact("ends after an interrupt without a job", async ({ start }) => {
    const source = start();
    await source.synced;
    source.interrupt();
    expect(await source.reason).toBe("interrupted");
    expect(source.drains).toEqual(["interrupted"]);
  });

  fact("reports the result of its job after an interrupt", async ({ plane, start, reported }) => {
    const jobId = await plane.submit();
    const source = start();
    const job = await source.jobs.at(0);
    source.interrupt();
    job.finish("passed");
    expect(await source.reason).toBe("interrupted");
    expect(await reported(1)).toEqual([{ jobId, result: "passed" }]);
    expect(job.isReleased).toBe(true);
    expect(source.drains).toEqual(["interrupted"]);
  });

  fact("ends after a drain with the reason of the drain", async ({ start }) => {
    const source = start();
    await source.synced;
    source.drain("idle");
    expect(await source.reason).toBe("idle");
    expect(source.drains).toEqual(["idle"]);
  });

  fact("finishes its job after a drain and starts no other", async ({ plane, start, reported }) => {
    const jobId = await plane.submit();
    const source = start();
    const job = await source.jobs.at(0);
    await plane.submit();
    source.drain("job-finished");
    job.finish("passed");
    expect(await source.reason).toBe("job-finished");
    expect(await reported(1)).toEqual([{ jobId, result: "passed" }]);
    expect(source.jobs.all).toHaveLength(1);
    expect(job.stops).toBe(0);
    expect(source.drains).toEqual(["job-finished"]);
  });

  fact("hands over at once and leaves its job running", async ({ plane, start }) => {
    await plane.submit();
    const source = start();
    const job = await source.jobs.at(0);
    source.handOver();
    await source.reason;
    expect(job).toMatchObject({ stops: 0, isReleased: false });
    expect(await plane.results()).toEqual([]);
  });
}

function testFailures(subject: JobSourceSubject): void {
  const fact = factsOf(subject);

  fact("repeats a report until it is acknowledged", async ({ plane, start, reported }) => {
    if (plane.failReports === undefined) return;
    const jobId = await plane.submit();
    const source = start();
    const job = await source.jobs.at(0);
    await plane.failReports(2);
    job.finish("passed");
    expect(await reported(1)).toEqual([{ jobId, result: "passed" }]);
    source.drain();
    await source.reason;
    expect(job.isReleased).toBe(true);
    expect(await source.prematureReleases()).toEqual([]);
  });

  fact("stops a job on request and reports it as stopped", async ({ plane, start, reported }) => {
    if (plane.stop === undefined) return;
    const jobId = await plane.submit();
    const source = start();
    const job = await source.jobs.at(0);
    await plane.stop(jobId);
    expect(await reported(1)).toEqual([{ jobId, result: "stopped" }]);
    expect(job.stops).toBeGreaterThan(0);
  });

  fact("reports a job that cannot run as failed, with the reason", async ({ plane, start, reported }) => {
    if (plane.submitInvalid === undefined) return;
    const jobId = await plane.submitInvalid();
    const source = start();
    const job = await source.jobs.at(0);
    expect(job.reason).toBeString();
    expect(await reported(1)).toEqual([{ jobId, result: "failed" }]);
    source.drain();
    await source.reason;
    expect(job.isReleased).toBe(true);
  });
}
