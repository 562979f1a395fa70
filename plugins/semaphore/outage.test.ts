import { describe, expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { jobId, runJob, startAgent, wireJob } from "./testing/agent-double.ts";
import { until } from "./testing/until.ts";
import { type Answer, shutdown, startHub, sync } from "./testing/hub-double.ts";

const partition = (): Answer => "drop";

describe("without contact", () => {
  test("an idle agent shuts down after sync-give-up, with the reference's messages", async () => {
    await using hub = await startHub();
    const logger = createRecordingLogger();
    hub.script("/sync", sync("continue"), partition);
    hub.script("/disconnect", partition);
    const agent = startAgent(hub, { logger, config: { "sync-give-up": 0.1 } });
    expect(await agent.reason).toBe("unable-to-sync");
    const lines = logger.entries.map(({ message }) => message);
    expect(lines).toContain("Unable to sync with Semaphore for over 0.1 s.");
    const failures = lines.filter((line) =>
      line.startsWith("[SYNC ERR] Failed to sync with API: ECONNRESET"),
    );
    expect(failures).toHaveLength(1);
    expect([...agent.state.documents.values()].join()).toContain("adopted-name");
  });

  test("an agent with a job waits for busy-give-up, then stops the job and exits without a disconnect", async () => {
    await using hub = await startHub();
    hub.script(`/jobs/${jobId}`, wireJob());
    hub.script("/sync", runJob, partition);
    const agent = startAgent(hub, {
      logger: createRecordingLogger(),
      config: { "sync-give-up": 0.01, "busy-give-up": 0.2 },
    });
    const job = await agent.jobs.at(0);
    await until(() => hub.syncs.length > 4);
    expect(job.stops).toBe(0);
    expect(await agent.reason).toBe("unable-to-sync");
    expect(job).toMatchObject({ stops: 1, isReleased: false });
    expect(job.delivery.lost.aborted).toBe(true);
    expect(hub.paths).not.toContain("/disconnect");
  });

  test("a job continues through an outage and is reported after it", async () => {
    await using hub = await startHub();
    const logger = createRecordingLogger();
    hub.script(`/jobs/${jobId}`, wireJob());
    hub.script("/sync", runJob, partition);
    const agent = startAgent(hub, { logger });
    const job = await agent.jobs.at(0);
    await until(() => hub.syncs.length > 4);
    job.finish("passed");
    await until(() => hub.syncs.filter(({ state }) => state === "finished-job").length > 2);
    hub.script("/sync", shutdown("job-finished"));
    expect(await agent.reason).toBe("job-finished");
    expect(job).toMatchObject({ stops: 0, isReleased: true });
    expect(logger.entries).toContainEqual(
      expect.objectContaining({ level: "info", message: "sync with API recovered" }),
    );
  });
});

describe("a control plane that does not know the agent any more", () => {
  test("makes a busy agent stop its job and shut down after gone-give-up", async () => {
    await using hub = await startHub();
    hub.script(`/jobs/${jobId}`, wireJob());
    hub.script("/sync", runJob, () => ({ status: 404, body: "not found" }));
    hub.script("/disconnect", { status: 404 });
    const agent = startAgent(hub, { logger: createRecordingLogger(), config: { "gone-give-up": 0.05 } });
    const job = await agent.jobs.at(0);
    expect(await agent.reason).toBe("unable-to-sync");
    expect(job).toMatchObject({ stops: 1, isReleased: true });
    expect(job.delivery.lost.aborted).toBe(true);
    expect(hub.paths.filter((path) => path === "/disconnect")).toHaveLength(1);
    expect([...agent.state.documents]).toEqual([]);
  });

  test("changes nothing when it knows the agent again", async () => {
    await using hub = await startHub();
    hub.script("/sync", sync("continue"), { status: 404 }, { status: 404 }, shutdown("idle"));
    const agent = startAgent(hub, { logger: createRecordingLogger() });
    expect(await agent.reason).toBe("idle");
  });
});

describe("a rejected result", () => {
  test.each([
    ["waits for jobs again", {}, ["waiting-for-jobs"]],
    ["shuts down after its only job", { "disconnect-after-job": true }, []],
  ] as const)("counts as reported: the agent %s", async (_, config, rest) => {
    await using hub = await startHub();
    hub.script(`/jobs/${jobId}`, wireJob());
    hub.script("/sync", (call) => {
      const { state } = call.body;
      if (state === "waiting-for-jobs") return hub.syncs.length === 1 ? runJob : shutdown("idle");
      return state === "finished-job" ? { status: 409, body: "invalid state transition" } : sync("continue");
    });
    const agent = startAgent(hub, { logger: createRecordingLogger(), config });
    (await agent.jobs.at(0)).finish("passed");
    expect(await agent.reason).toBe(rest.length === 0 ? "job-finished" : "idle");
    const states = hub.syncs.map(({ state }) => state);
    expect(states.slice(states.indexOf("finished-job") + 1)).toEqual([...rest]);
    expect(agent.jobs.all[0]?.isReleased).toBe(true);
  });

  test.each([401, 408, 429, 500, 503])("with status %d is sent again", async (status) => {
    await using hub = await startHub();
    hub.script(`/jobs/${jobId}`, wireJob());
    let refusals = 0;
    hub.script("/sync", runJob, (call) => {
      if (call.body["state"] !== "finished-job") return sync("continue");
      refusals += 1;
      return refusals === 1 ? { status } : shutdown("requested");
    });
    const agent = startAgent(hub, { logger: createRecordingLogger() });
    (await agent.jobs.at(0)).finish("passed");
    expect(await agent.reason).toBe("requested");
    expect(refusals).toBe(2);
  });
});
