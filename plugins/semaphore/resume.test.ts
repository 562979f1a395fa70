import { expect, test } from "bun:test";
import { createDummyState, createRecordingLogger, jobRequest } from "signalman/testing";
import { afterJob, jobId, runJob, startAgent, wireJob } from "./testing/agent-double.ts";
import { until } from "./testing/until.ts";
import { accessToken, type Answer, shutdown, startHub } from "./testing/hub-double.ts";

test("an idle registration is resumed without registering again", async () => {
  await using hub = await startHub();
  const state = createDummyState();
  const first = startAgent(hub, { logger: createRecordingLogger(), state });
  await until(() => hub.syncs.length > 1);
  first.handOver();
  await first.reason;
  expect(hub.paths).not.toContain("/disconnect");
  expect([...state.documents.values()].join()).not.toContain(accessToken);

  hub.script("/sync", shutdown("idle"));
  const second = startAgent(hub, { logger: createRecordingLogger(), state });
  expect(await second.reason).toBe("idle");
  expect(second.names).toEqual(["adopted-name"]);
  expect(hub.paths.filter((path) => path === "/register")).toHaveLength(1);
  expect([...state.documents]).toEqual([]);
});

test("a resumed registration that the control plane does not know is replaced under a new generated name", async () => {
  await using hub = await startHub();
  const state = createDummyState();
  const first = startAgent(hub, { logger: createRecordingLogger(), state });
  await until(() => hub.syncs.length > 0);
  first.handOver();
  await first.reason;
  hub.script("/sync", { status: 404 }, shutdown("requested"));
  const second = startAgent(hub, { logger: createRecordingLogger(), state });
  expect(await second.reason).toBe("requested");
  const names = hub.calls.filter(({ path }) => path === "/register").map(({ body }) => body["name"]);
  expect(names).toHaveLength(2);
  expect(names[0]).not.toBe(names[1]);
});

test("a running job is claimed and reported, even after the options have changed", async () => {
  await using hub = await startHub();
  const state = createDummyState();
  hub.script(`/jobs/${jobId}`, wireJob());
  hub.script("/sync", runJob);
  const first = startAgent(hub, { logger: createRecordingLogger(), state });
  await first.jobs.at(0);
  await until(() => hub.syncs.some((body) => body["state"] === "running-job"));
  first.handOver();
  await first.reason;
  const before = hub.syncs.length;

  hub.script("/sync", afterJob("requested"));
  const second = startAgent(hub, {
    logger: createRecordingLogger(),
    state,
    left: [{ request: jobRequest({ id: jobId }) }],
    config: { "disconnect-after-idle-timeout": 60 },
  });
  const job = await second.jobs.at(0);
  await until(() => hub.syncs.length > before);
  expect(hub.syncs[before]).toMatchObject({ state: "running-job", job_id: jobId });
  job.finish("passed");
  expect(await second.reason).toBe("requested");
  expect(job.isReleased).toBe(true);
  expect(hub.paths.filter((path) => path === "/register")).toHaveLength(1);
});

test("a job that was assigned but not started is fetched again", async () => {
  await using hub = await startHub();
  const state = createDummyState();
  hub.script(`/jobs/${jobId}`, "hang");
  hub.script("/sync", runJob);
  const first = startAgent(hub, {
    logger: createRecordingLogger(),
    state,
    config: { "request-timeout": 60 },
  });
  await until(() => hub.paths.includes(`/jobs/${jobId}`));
  // A copy of the state as a crash would leave it, which the first agent cannot change any more.
  const kept = createDummyState(new Map(state.documents));
  hub.script(`/jobs/${jobId}`, wireJob({ files: [{ path: "a", content: "{SANITIZED}" }] }));
  hub.script("/sync", afterJob("requested"));
  const second = startAgent(hub, { logger: createRecordingLogger(), state: kept });
  expect(await second.reason).toBe("requested");
  expect(second.jobs.all[0]?.reason).toContain("hands them out once");
  first.handOver();
});

test("jobs of an unusable registration are stopped and released", async () => {
  await using hub = await startHub();
  hub.script("/sync", shutdown("requested"));
  const agent = startAgent(hub, {
    logger: createRecordingLogger(),
    left: [{ request: jobRequest({ id: jobId }) }],
  });
  expect(await agent.reason).toBe("requested");
  const [job] = agent.jobs.all;
  expect(job).toMatchObject({ stops: 1, isReleased: true });
  expect(job?.delivery.lost.aborted).toBe(true);
  expect(hub.syncs).toMatchObject([{ state: "waiting-for-jobs" }]);
});

test("a hand-over during a fetch waits until the request is on disk", async () => {
  await using hub = await startHub();
  const answer = Promise.withResolvers<Answer>();
  hub.script(`/jobs/${jobId}`, () => answer.promise);
  hub.script("/sync", runJob);
  const agent = startAgent(hub, { logger: createRecordingLogger() });
  await until(() => hub.paths.includes(`/jobs/${jobId}`));
  agent.handOver();
  answer.resolve(wireJob());
  await agent.reason;
  expect(agent.jobs.all).toHaveLength(1);
});
