import { describe, expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { afterJob, jobId, messages, runJob, startAgent, wireJob } from "./testing/agent-double.ts";
import { type Answer, type HubDouble, startHub, sync } from "./testing/hub-double.ts";
import { until } from "./testing/until.ts";

const count = ({ paths }: HubDouble, path: string) => paths.filter((each) => each === path).length;
const heldName: Answer = { status: 400, body: "agent can't be registered" };

describe("a paused slot", () => {
  test("disconnects, sends nothing, and registers again when it is resumed", async () => {
    await using hub = await startHub();
    const agent = startAgent(hub, { logger: createRecordingLogger() });
    await until(() => hub.syncs.length > 0);
    agent.pause();
    await until(() => agent.isDisconnected);
    expect(hub.paths.at(-1)).toBe("/disconnect");
    const before = hub.calls.length;
    agent.resume();
    await until(() => hub.calls.length >= before + 2);
    expect(hub.paths.slice(before, before + 2)).toEqual(["/register", "/sync"]);
    expect(agent.names).toEqual(["adopted-name", "adopted-name"]);
    expect(agent.drains).toEqual([]);
    agent.drain();
    expect(await agent.reason).toBe("requested");
    expect(agent.drains).toEqual(["requested"]);
  });

  test("registers only when it is admitted for the first time", async () => {
    await using hub = await startHub();
    const agent = startAgent(hub, { logger: createRecordingLogger(), isPaused: true });
    await Bun.sleep(50);
    expect(hub.calls).toEqual([]);
    agent.resume();
    await until(() => hub.syncs.length > 0);
  });

  test("runs a job that is assigned meanwhile, and disconnects when its result is acknowledged", async () => {
    await using hub = await startHub();
    const answer = Promise.withResolvers<Answer>();
    hub.script(`/jobs/${jobId}`, wireJob());
    hub.script("/sync", (call) =>
      hub.syncs.length === 1
        ? answer.promise
        : sync(call.body["state"] === "finished-job" ? "wait-for-jobs" : "continue"),
    );
    const agent = startAgent(hub, { logger: createRecordingLogger() });
    await until(() => hub.syncs.length > 0);
    agent.pause();
    answer.resolve(runJob);
    const job = await agent.jobs.at(0);
    await until(() => hub.syncs.some(({ state }) => state === "running-job"));
    job.finish("passed");
    await until(() => agent.isDisconnected);
    expect(job).toMatchObject({ stops: 0, isReleased: true });
    expect(hub.syncs.at(-1)).toMatchObject({ state: "finished-job", job_result: "passed" });
    expect(hub.paths.at(-1)).toBe("/disconnect");
  });

  test("whose job ends takes no other, also when the control plane rejects the result", async () => {
    await using hub = await startHub();
    hub.script(`/jobs/${jobId}`, wireJob());
    hub.script("/sync", runJob, ({ body }) =>
      body["state"] === "finished-job" ? { status: 409 } : sync("continue"),
    );
    const agent = startAgent(hub, { logger: createRecordingLogger() });
    const job = await agent.jobs.at(0);
    agent.pause();
    job.finish("failed");
    await until(() => agent.isDisconnected);
    expect(hub.syncs.filter(({ state }) => state === "waiting-for-jobs")).toHaveLength(1);
  });

  test("is told to shut down like any other", async () => {
    await using hub = await startHub();
    hub.script(`/jobs/${jobId}`, wireJob());
    hub.script("/sync", runJob, afterJob("idle"));
    const agent = startAgent(hub, { logger: createRecordingLogger() });
    const job = await agent.jobs.at(0);
    agent.pause();
    job.finish("passed");
    expect(await agent.reason).toBe("idle");
  });

  test.each(["interrupt", "drain", "handOver"] as const)(
    "ends at once after %s, without a further call",
    async (request) => {
      await using hub = await startHub();
      const agent = startAgent(hub, { logger: createRecordingLogger() });
      await until(() => hub.syncs.length > 0);
      agent.pause();
      await until(() => agent.isDisconnected);
      const before = hub.calls.length;
      agent[request]();
      const reason = request === "interrupt" ? "interrupted" : "requested";
      expect(await agent.reason).toBe(reason);
      expect(hub.calls).toHaveLength(before);
      expect(agent.drains).toEqual(request === "handOver" ? [] : [reason]);
    },
  );

  test("that resumes the registration of an earlier process asks for its job, and disconnects", async () => {
    await using hub = await startHub();
    const first = startAgent(hub, { logger: createRecordingLogger() });
    await until(() => hub.syncs.length > 0);
    first.handOver();
    await first.reason;
    const before = hub.calls.length;
    const second = startAgent(hub, { logger: createRecordingLogger(), state: first.state, isPaused: true });
    await until(() => second.isDisconnected);
    expect(hub.paths.slice(before)).toEqual(["/sync", "/disconnect"]);
    second.resume();
    await until(() => hub.paths.slice(before).includes("/register"));
  });
});

describe("a resumed slot", () => {
  /** An agent that has been paused, disconnected and resumed. */
  async function resumeAgent(hub: HubDouble, config: object, script: () => void) {
    const logger = createRecordingLogger();
    const agent = startAgent(hub, { logger, config });
    await until(() => hub.syncs.length > 0);
    agent.pause();
    await until(() => agent.isDisconnected);
    script();
    agent.resume();
    return { agent, logger };
  }

  test("waits for its held name and for the rate limit, longer than a first registration", async () => {
    await using hub = await startHub();
    const config = { name: "a-fixed-name", "register-attempts": 1, "sync-give-up": 0.05 };
    const tooMany: Answer = { status: 429, headers: { "Retry-After": "1" } };
    const { agent, logger } = await resumeAgent(hub, config, () =>
      hub.script("/register", heldName, heldName, tooMany, heldName, heldName),
    );
    const startedAt = performance.now();
    await until(() => agent.names.length === 2);
    expect(performance.now() - startedAt).toBeGreaterThan(950);
    expect(count(hub, "/register")).toBe(7);
    expect(messages(logger)).toContain("registration failed: status 429 (attempt 3)");
  });

  test("that cannot register for sync-give-up ends as unable to sync", async () => {
    await using hub = await startHub();
    const { agent, logger } = await resumeAgent(hub, { "sync-give-up": 0.05 }, () =>
      hub.script("/register", () => ({ status: 503 })),
    );
    expect(await agent.reason).toBe("unable-to-sync");
    expect(agent.drains).toEqual(["unable-to-sync"]);
    expect(messages(logger)).toContain("again: status 503");
  });

  test("that could not disconnect resumes its registration, and registers anew when that is gone", async () => {
    await using hub = await startHub();
    hub.script("/disconnect", () => ({ status: 500 }));
    const { agent } = await resumeAgent(hub, { "disconnect-attempts": 2 }, () => {});
    await until(() => hub.paths.slice(hub.paths.lastIndexOf("/disconnect")).includes("/sync"));
    expect(count(hub, "/register")).toBe(1);
    agent.pause();
    await until(() => agent.isDisconnected);
    hub.script("/sync", { status: 404 }, () => sync("continue"));
    agent.resume();
    await until(() => count(hub, "/register") === 2);
    await until(() => agent.names.length === 3);
  });

  test("ends when it is interrupted while it registers", async () => {
    await using hub = await startHub();
    const { agent } = await resumeAgent(hub, { name: "a-fixed-name" }, () =>
      hub.script("/register", () => heldName),
    );
    await until(() => count(hub, "/register") > 1);
    agent.interrupt();
    expect(await agent.reason).toBe("interrupted");
    expect(agent.drains).toEqual(["interrupted"]);
  });
});
