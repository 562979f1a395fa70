import { describe, expect, test } from "bun:test";
import { createRecordingLogger, jobRequest } from "signalman/testing";
import { jobId, runJob, startAgent, wireJob } from "./testing/agent-double.ts";
import { until } from "./testing/until.ts";
import { type Answer, type Call, shutdown, startHub, sync } from "./testing/hub-double.ts";

const partition = (): Answer => "drop";

/** Answers of a hub to an agent that may be interrupted, with a grace period of 0. */
const interruptible = ({ body }: Call): Answer => {
  if (body["interrupted_at"] === 0)
    return body["state"] === "finished-job" ? sync("wait-for-jobs") : sync("continue");
  if (body["state"] === "running-job") return sync("stop-job", { job_id: jobId });
  return body["state"] === "stopping-job" ? sync("continue") : shutdown("interrupted");
};

describe("an interrupt", () => {
  test("is sent at once, and the control plane decides", async () => {
    await using hub = await startHub();
    hub.script(`/jobs/${jobId}`, wireJob());
    hub.script("/sync", { body: { action: "run-job", job_id: jobId, next_sync_after: 5 } }, interruptible);
    const agent = startAgent(hub, { logger: createRecordingLogger() });
    await until(() => hub.syncs.some(({ state }) => state === "running-job"));
    agent.interrupt();
    expect(await agent.reason).toBe("interrupted");
    expect(agent.jobs.all[0]?.stops).toBe(1);
    expect(hub.syncs.at(-1)).toMatchObject({
      state: "finished-job",
      job_result: "stopped",
      interrupted_at: expect.any(Number),
    });
    expect(agent.drains).toEqual(["interrupted"]);
    expect(hub.paths.at(-1)).toBe("/disconnect");
  });

  test("ends a long wait for the next sync", async () => {
    await using hub = await startHub();
    hub.script("/sync", sync("continue", { next_sync_after: 1_000_000 }), interruptible);
    const agent = startAgent(hub, { logger: createRecordingLogger() });
    await until(() => hub.syncs.length > 0);
    agent.interrupt();
    expect(await agent.reason).toBe("interrupted");
    expect(hub.syncs).toHaveLength(2);
  });

  test("never aborts a sync that may return a job", async () => {
    await using hub = await startHub();
    const answer = Promise.withResolvers<Answer>();
    hub.script(`/jobs/${jobId}`, wireJob());
    hub.script("/sync", (call) => (hub.syncs.length === 1 ? answer.promise : interruptible(call)));
    const agent = startAgent(hub, { logger: createRecordingLogger() });
    await until(() => hub.syncs.length > 0);
    agent.interrupt();
    answer.resolve(runJob);
    expect(await agent.reason).toBe("interrupted");
    expect(hub.syncs.at(-1)).toMatchObject({ state: "finished-job", job_id: jobId });
  });

  test("without contact shuts an idle agent down", async () => {
    await using hub = await startHub();
    const agent = startAgent(hub, { logger: createRecordingLogger() });
    await until(() => hub.syncs.length > 0);
    hub.script("/sync", partition);
    agent.interrupt();
    expect(await agent.reason).toBe("interrupted");
    expect(hub.paths).toContain("/disconnect");
  });

  test("without contact stops the job after its grace period, and the next agent reports it", async () => {
    await using hub = await startHub();
    hub.script(`/jobs/${jobId}`, wireJob());
    hub.script("/sync", runJob);
    const first = startAgent(hub, { logger: createRecordingLogger(), config: { "interrupt-give-up": 0.05 } });
    const job = await first.jobs.at(0);
    await until(() => hub.syncs.some(({ state }) => state === "running-job"));
    hub.script("/sync", partition);
    first.interrupt();
    expect(await first.reason).toBe("interrupted");
    expect(job).toMatchObject({ isReleased: false });
    expect(job.stops).toBeGreaterThan(0);
    expect(job.delivery.lost.aborted).toBe(true);
    expect(hub.paths).not.toContain("/disconnect");

    hub.script("/sync", shutdown("requested"));
    const before = hub.syncs.length;
    const left = [{ request: jobRequest({ id: jobId }), result: "stopped" as const }];
    const second = startAgent(hub, { logger: createRecordingLogger(), state: first.state, left });
    expect(await second.reason).toBe("requested");
    expect(hub.syncs.slice(before).at(-1)).toMatchObject({
      state: "finished-job",
      job_id: jobId,
      job_result: "stopped",
    });
    expect(second.jobs.all[0]?.isReleased).toBe(true);
  });
});

describe("a drain", () => {
  test("shuts down at once after an answer without a job", async () => {
    await using hub = await startHub();
    hub.script("/sync", sync("continue", { next_sync_after: 1_000_000 }));
    const logger = createRecordingLogger();
    const agent = startAgent(hub, { logger });
    await until(() => logger.entries.some(({ message }) => message === "synced"));
    agent.drain();
    expect(await agent.reason).toBe("requested");
    expect(hub.paths).toEqual(["/register", "/sync", "/disconnect"]);
    expect(agent.drains).toEqual(["requested"]);
  });

  test("runs a job that is assigned meanwhile, and shuts down when its result is acknowledged", async () => {
    await using hub = await startHub();
    const answer = Promise.withResolvers<Answer>();
    hub.script(`/jobs/${jobId}`, wireJob());
    hub.script("/sync", (call) => (hub.syncs.length === 1 ? answer.promise : interruptible(call)));
    const agent = startAgent(hub, { logger: createRecordingLogger() });
    await until(() => hub.syncs.length > 0);
    agent.drain();
    answer.resolve(runJob);
    const job = await agent.jobs.at(0);
    job.finish("passed");
    expect(await agent.reason).toBe("requested");
    expect(hub.syncs.at(-1)).toMatchObject({ state: "finished-job", job_result: "passed" });
    expect(hub.paths.at(-1)).toBe("/disconnect");
  });
});

describe("a shutdown", () => {
  test("makes all attempts to disconnect, and completes anyway", async () => {
    await using hub = await startHub();
    hub.script("/sync", shutdown("idle"));
    hub.script("/disconnect", () => ({ status: 500 }));
    const agent = startAgent(hub, { logger: createRecordingLogger(), config: { "disconnect-attempts": 5 } });
    expect(await agent.reason).toBe("idle");
    expect(hub.paths.filter((path) => path === "/disconnect")).toHaveLength(5);
  });

  test("requested during a job waits until the job is stopped and reported", async () => {
    await using hub = await startHub();
    hub.script(`/jobs/${jobId}`, wireJob());
    hub.script("/sync", runJob, (call) =>
      call.body["state"] === "finished-job" ? sync("wait-for-jobs") : shutdown("requested"),
    );
    const agent = startAgent(hub, { logger: createRecordingLogger() });
    expect(await agent.reason).toBe("requested");
    expect(hub.syncs.at(-1)).toMatchObject({
      state: "finished-job",
      job_id: jobId,
      job_result: expect.stringMatching(/stopped|failed/),
    });
    expect(hub.paths.at(-1)).toBe("/disconnect");
  });
});
