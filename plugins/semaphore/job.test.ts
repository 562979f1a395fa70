import { expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { afterJob, jobId, registrationToken, runJob, startAgent, wireJob } from "./testing/agent-double.ts";
import { until } from "./testing/until.ts";
import { accessToken, type Answer, shutdown, startHub, sync } from "./testing/hub-double.ts";

test("a job is fetched, run, reported until it is acknowledged, and released", async () => {
  await using hub = await startHub();
  hub.script(`/jobs/${jobId}`, wireJob());
  let refusals = 0;
  hub.script("/sync", (call) => {
    const { state } = call.body;
    if (state === "waiting-for-jobs") return hub.syncs.length === 1 ? runJob : shutdown("requested");
    if (state !== "finished-job") return sync("continue");
    refusals += 1;
    return ([{ status: 500 }, "drop", { body: "garbage" }, sync("wait-for-jobs")] as const)[refusals - 1]!;
  });
  const agent = startAgent(hub, { logger: createRecordingLogger() });
  const job = await agent.jobs.at(0);
  expect(job.request).toMatchObject({ id: jobId, commands: [{ directive: "echo hello", alias: "" }] });
  await until(() => hub.syncs.some(({ state }) => state === "running-job"));
  job.finish("passed");
  expect(await agent.reason).toBe("requested");
  const finished = hub.syncs.filter(({ state }) => state === "finished-job");
  expect(finished).toEqual(
    Array.from({ length: 4 }, () => ({
      state: "finished-job",
      job_id: jobId,
      job_result: "passed",
      interrupted_at: 0,
    })),
  );
  expect(job.isReleased).toBe(true);
  expect(hub.paths.at(-1)).toBe("/disconnect");
  expect(hub.paths.filter((path) => path.startsWith("/jobs/"))).toHaveLength(1);
});

test("a job is stopped at the request of the control plane and reported with its result", async () => {
  await using hub = await startHub();
  hub.script(`/jobs/${jobId}`, wireJob());
  hub.script("/sync", runJob, (call) =>
    call.body["state"] === "running-job" ? sync("stop-job", { job_id: jobId }) : afterJob("requested")(call),
  );
  const agent = startAgent(hub, { logger: createRecordingLogger() });
  expect(await agent.reason).toBe("requested");
  expect(agent.jobs.all[0]?.stops).toBe(1);
  expect(hub.syncs.at(-1)).toMatchObject({ state: "finished-job", job_result: "stopped" });
});

test.each([
  ["was sanitized", wireJob({ env_vars: [{ name: "A", value: "{SANITIZED}" }] }), "hands them out once"],
  ["is malformed", wireJob({ commands: 7 }), "commands: expected a list"],
  ["is not a mapping", { body: "[]" }, "is not a job request"],
] as const)("a job whose request %s fails with the reason in its log", async (_, answer, why) => {
  await using hub = await startHub();
  hub.script(`/jobs/${jobId}`, answer);
  hub.script("/sync", runJob, afterJob("requested"));
  const agent = startAgent(hub, { logger: createRecordingLogger() });
  expect(await agent.reason).toBe("requested");
  const [job] = agent.jobs.all;
  expect(job?.reason).toContain(why);
  expect(job?.request).toMatchObject({ id: jobId, env: [], logger: { method: "push" } });
  expect(job?.isReleased).toBe(true);
  expect(hub.syncs.at(-1)).toMatchObject({ state: "finished-job", job_id: jobId, job_result: "failed" });
});

test("a job whose request cannot be fetched fails with a log that is delivered with a renewed token", async () => {
  await using hub = await startHub();
  hub.script(`/jobs/${jobId}`, () => ({ status: 500 }));
  hub.script("/sync", runJob, afterJob("requested"));
  const agent = startAgent(hub, { logger: createRecordingLogger(), config: { "get-job-attempts": 4 } });
  await agent.reason;
  expect(hub.paths.filter((path) => path === `/jobs/${jobId}`)).toHaveLength(4);
  expect(agent.jobs.all[0]).toMatchObject({
    reason: expect.stringContaining("status 500"),
    request: {
      logger: {
        method: "push",
        url: `http://${hub.endpoint}/api/v1/logs/${jobId}`,
        token: "fresh-log-token",
      },
    },
  });
});

test("a job whose process cannot be started is reported as failed", async () => {
  await using hub = await startHub();
  hub.script(`/jobs/${jobId}`, wireJob());
  hub.script("/sync", runJob, afterJob("requested"));
  const agent = startAgent(hub, {
    logger: createRecordingLogger(),
    onStart() {
      throw new Error("the disk is full");
    },
  });
  await agent.reason;
  expect(agent.jobs.all[0]?.reason).toContain("the disk is full");
  expect(hub.syncs.at(-1)).toMatchObject({ state: "finished-job", job_result: "failed" });
});

test("simultaneous renewals of a log token share one call", async () => {
  await using hub = await startHub();
  hub.script(`/jobs/${jobId}`, wireJob());
  hub.script("/sync", runJob, afterJob("requested"));
  const agent = startAgent(hub, { logger: createRecordingLogger() });
  const { delivery, finish } = await agent.jobs.at(0);
  const tokens = await Promise.all([
    delivery.refreshToken(),
    delivery.refreshToken(),
    delivery.refreshToken(),
  ]);
  expect(tokens).toEqual(["fresh-log-token", "fresh-log-token", "fresh-log-token"]);
  expect(hub.paths.filter((path) => path === "/refresh")).toHaveLength(1);
  hub.script("/refresh", { status: 422 });
  expect(delivery.refreshToken()).rejects.toMatchObject({ code: "CONTROL_PLANE_FAILED" });
  await delivery.refreshToken().catch(() => {});
  finish("passed");
  await agent.reason;
});

test("no log line contains a token, even when the control plane echoes one", async () => {
  await using hub = await startHub();
  const url = "https://sts.amazonaws.com/?Action=GetCallerIdentity&X-Amz-Signature=abcdef";
  const echo = (): Answer => ({ status: 500, body: `${registrationToken} ${accessToken} ${url}` });
  hub.script(
    "/register",
    { status: 500, body: `${registrationToken} ${url}` },
    { status: 201, body: { name: "i-0123", token: accessToken } },
  );
  hub.script(`/jobs/${jobId}`, echo(), wireJob());
  hub.script("/sync", runJob, (call) => (hub.syncs.length % 2 === 0 ? echo() : afterJob("requested")(call)));
  hub.script("/refresh", echo());
  hub.script("/disconnect", echo());
  const logger = createRecordingLogger();
  const agent = startAgent(hub, { logger, config: { name: url } });
  const job = await agent.jobs.at(0);
  const error = await job.delivery.refreshToken().catch(String);
  job.finish("passed");
  await agent.reason;
  expect(agent.names).toEqual(["i-0123"]);
  expect(hub.calls[0]?.body["name"]).toBe(url);
  const output = JSON.stringify([logger.entries, error]);
  expect(output).toContain("[REDACTED]");
  for (const secret of [registrationToken, accessToken, "log-token", "X-Amz-Signature"])
    expect(output).not.toContain(secret);
});

test("neither a token nor a signed URL is on disk in plain text", async () => {
  await using hub = await startHub();
  const agent = startAgent(hub, {
    logger: createRecordingLogger(),
    config: { name: "https://a.test/?signed" },
  });
  await until(() => hub.syncs.length > 0);
  const kept = [...agent.state.documents.values()].join();
  expect(kept).toContain("adopted-name");
  for (const secret of [accessToken, registrationToken, "?signed"]) expect(kept).not.toContain(secret);
  agent.handOver();
  await agent.reason;
});
