import { expect, test } from "bun:test";
import { createDummyState, createRecordingLogger } from "signalman/testing";
import { jobId, messages, registrationToken, startAgent } from "./testing/agent-double.ts";
import { until } from "./testing/until.ts";
import { accessToken, shutdown, startHub } from "./testing/hub-double.ts";

test("a registration has all ten fields, and the agent uses the name that it gets", async () => {
  await using hub = await startHub();
  hub.script("/sync", shutdown("requested"));
  const agent = startAgent(hub, {
    logger: createRecordingLogger(),
    config: {
      name: "my-agent",
      "disconnect-after-job": true,
      "job-id": jobId,
      "disconnect-after-idle-timeout": 7,
      "interruption-grace-period": 5,
    },
  });
  expect(await agent.reason).toBe("requested");
  const [call] = hub.calls;
  expect(call).toMatchObject({
    path: "/register",
    authorization: `Token ${registrationToken}`,
    userAgent: "SemaphoreAgent/v1.2.3",
  });
  expect(call?.body).toEqual({
    name: "my-agent",
    version: "v1.2.3",
    pid: process.pid,
    os: expect.any(String),
    arch: expect.stringMatching(/^(x86_64|arm64)$/),
    hostname: expect.any(String),
    single_job: true,
    idle_timeout: 7,
    interruption_grace_period: 5,
    job_id: jobId,
  });
  expect(agent.names).toEqual(["adopted-name"]);
  expect(hub.calls[1]).toMatchObject({ path: "/sync", authorization: `Token ${accessToken}` });
});

test("a registration is retried under the same generated name after any failure", async () => {
  await using hub = await startHub();
  hub.script(
    "/register",
    "drop",
    { isCut: true },
    { status: 503 },
    { status: 201, body: "<html>" },
    { status: 400, body: "no" },
  );
  hub.script("/sync", shutdown("requested"));
  const logger = createRecordingLogger();
  await startAgent(hub, { logger }).reason;
  const names = hub.calls.filter(({ path }) => path === "/register").map(({ body }) => body["name"]);
  expect(names).toHaveLength(6);
  expect(new Set(names).size).toBe(1);
  expect(names[0]).toMatch(/^[A-Za-z0-9_-]{20}$/);
  expect(messages(logger)).toContain("Agent name was not assigned - using a random one.");
  expect(messages(logger)).toContain("status 400: no (retries will probably fail too)");
});

test("a name that is already registered is logged once for all attempts", async () => {
  await using hub = await startHub();
  hub.script("/register", () => ({ status: 400, body: "agent can't be registered" }));
  const logger = createRecordingLogger();
  const agent = startAgent(hub, { logger, config: { name: "builder-1", "register-attempts": 5 } });
  const error = await agent.reason.catch((thrown: Error) => thrown);
  expect(String(error)).toMatch(/in 5 attempts: .* \(an agent "builder-1" is already registered: stop it/);
  expect(hub.paths).toHaveLength(5);
  expect(logger.entries.filter(({ level }) => level === "warn")).toHaveLength(1);
});

test("a registration saves the generated name before the first call", async () => {
  await using hub = await startHub();
  const state = createDummyState();
  let kept = "";
  hub.script("/register", () => {
    kept = [...state.documents.values()].join();
    return { status: 500 };
  });
  const agent = startAgent(hub, {
    logger: createRecordingLogger(),
    state,
    config: { "register-attempts": 2 },
  });
  expect(agent.reason).rejects.toMatchObject({ code: "CONTROL_PLANE_FAILED" });
  await agent.reason.catch(() => {});
  expect(kept).toContain(String(hub.calls[0]?.body["name"]));
  // The next process registers under the same name.
  hub.script("/register");
  hub.script("/sync", shutdown("requested"));
  await startAgent(hub, { logger: createRecordingLogger(), state }).reason;
  expect(hub.calls.at(-3)?.body["name"]).toBe(hub.calls[0]?.body["name"]);
});

test("a registration waits for Retry-After", async () => {
  await using hub = await startHub();
  hub.script("/register", { status: 429, headers: { "Retry-After": "600" } });
  const logger = createRecordingLogger();
  const agent = startAgent(hub, { logger });
  await until(() => messages(logger).includes("registration failed"));
  await Bun.sleep(50);
  expect(hub.paths).toEqual(["/register"]);
  agent.interrupt();
  expect(await agent.reason).toBe("interrupted");
});

test("a registration that is rejected in all attempts is an error that explains the status and shows no token", async () => {
  await using hub = await startHub();
  hub.script("/register", () => ({ status: 404, body: `unknown ${registrationToken}` }));
  const logger = createRecordingLogger();
  const agent = startAgent(hub, { logger, config: { "register-attempts": 3 } });
  const error = await agent.reason.catch((thrown: Error) => thrown);
  expect(String(error)).toContain("failed to register agent");
  expect(String(error)).toContain("the control plane does not know the registration token");
  expect(hub.paths).toEqual(["/register", "/register", "/register"]);
  expect(`${String(error)}${messages(logger)}`).not.toContain(registrationToken);
});

test("a registration over TLS at a hub on this machine names no-https", async () => {
  await using hub = await startHub();
  const config = { "no-https": false, "register-attempts": 1 };
  const agent = startAgent(hub, { logger: createRecordingLogger(), config });
  const error = await agent.reason.catch((thrown: Error) => thrown);
  expect(String(error)).toMatch(
    /(EPROTO|ECONNRESET): [^?]*\. \(a control plane without TLS, .* needs no-https\)$/,
  );
});

test("an interrupt ends the registration attempts", async () => {
  await using hub = await startHub();
  hub.script("/register", "hang");
  const agent = startAgent(hub, { logger: createRecordingLogger() });
  await until(() => hub.calls.length > 0);
  agent.interrupt();
  expect(await agent.reason).toBe("interrupted");
  expect(hub.paths).toEqual(["/register"]);
});
