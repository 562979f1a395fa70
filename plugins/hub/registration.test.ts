import { expect, test } from "bun:test";
import { callHub, createScriptedAgent, registerAt, registration } from "./testing/scripted-agent.ts";
import type { HubOptions } from "./contract.ts";
import { createHub } from "./hub.ts";

const uuid = "11111111-2222-4333-8444-555555555555";

test("a registration is checked in the server's order", async () => {
  await using hub = await createHub({ generation: "new", rateLimit: { burst: 1, perSecond: 0.001 } });
  const everything = { name: "a.b", job_id: "no-uuid", single_job: false };
  hub.quota = 0;
  const wrongToken = await callHub(hub, "/register", { token: "wrong", body: "{" });
  expect(wrongToken.status).toBe(404);
  expect((await callHub(hub, "/register", { token: hub.token, body: "{" })).status).toBe(422);
  const limited = await registerAt(hub, everything);
  expect(limited.status).toBe(429);

  await using free = await createHub();
  const answers: string[] = [];
  for (const [more, quota] of [
    [everything, "off"],
    [{ ...everything, single_job: true }, "off"],
    [{ ...everything, single_job: true, name: "valid-name" }, "unavailable"],
    [{ ...everything, single_job: true, name: "valid-name" }, "off"],
    [{ ...everything, single_job: true, name: "valid-name" }, 0],
    [{ ...everything, single_job: true, name: "valid-name" }, 10],
    [{ single_job: true, name: "valid-name", job_id: uuid }, 10],
  ] as const) {
    free.quota = quota;
    const { status, text } = await registerAt(free, more);
    answers.push(`${status} ${text}`);
  }
  expect(answers).toEqual([
    "400 job can only be requested if agent disconnects after running it",
    "400 name must match ^[a-zA-Z0-9-_/+]+$",
    "500 the quota is not available",
    "422 self_hosted_agents feature is not available for the organization",
    "422 agent quota for organization has been reached",
    "500 job_id is not a UUID",
    "400 job not available",
  ]);
});

test("a call without a valid Authorization header is answered with 401", async () => {
  await using hub = await createHub();
  const statuses = await Promise.all(
    ["", "Bearer x", "Token a Token b"].map(async (header) => {
      const url = `${hub.url}/api/v1/self_hosted_agents/sync`;
      return (await fetch(url, { method: "POST", headers: header === "" ? {} : { Authorization: header } }))
        .status;
    }),
  );
  expect(statuses).toEqual([401, 401, 401]);
});

test("a body with mistyped keys is rejected, one with unknown or missing keys is accepted", async () => {
  await using hub = await createHub();
  expect((await registerAt(hub, { pid: "4711" })).status).toBe(422);
  expect((await callHub(hub, "/register", { token: hub.token, body: "[]" })).status).toBe(422);
  const bare = await callHub(hub, "/register", {
    token: hub.token,
    body: { name: "bare-agent", more: 1, pid: null },
  });
  expect(bare.status).toBe(201);
  expect(bare.json["name"]).toBe("bare-agent");
  expect(bare.json["token"]).toMatch(/^[\da-f]{80}$/);
});

test.each([
  ["https://sts.amazonaws.com/?x", "not allowed to use URLs for registration"],
  ["host.example.com", "name must match ^[a-zA-Z0-9-_/+]+$"],
  ["", "name must match ^[a-zA-Z0-9-_/+]+$"],
  ["a".repeat(81), "name must have at most 80 characters"],
])("the name %p is rejected: %s", async (name, reason) => {
  await using hub = await createHub();
  expect(await registerAt(hub, { name })).toMatchObject({ status: 400, text: reason });
});

test("a registration may be repeated for five minutes, as long as the agent has not synced", async () => {
  let now = Date.now();
  await using hub = await createHub({ now: () => now });
  const first = await registerAt(hub);
  const second = await registerAt(hub);
  expect(second.status).toBe(201);
  const sync = { state: "waiting-for-jobs", job_id: "", job_result: "", interrupted_at: 0 };
  expect((await callHub(hub, "/sync", { token: String(first.json["token"]), body: sync })).status).toBe(404);
  expect(hub.agents).toHaveLength(1);

  now += 5 * 60_000;
  expect(await registerAt(hub)).toMatchObject({ status: 400, text: "agent can't be registered" });
  now -= 60_000;
  expect((await callHub(hub, "/sync", { token: String(second.json["token"]), body: sync })).status).toBe(200);
  expect((await registerAt(hub)).status).toBe(400);
});

test("a job that an agent names at registration is assigned to that agent only", async () => {
  await using hub = await createHub();
  const job = await hub.submit("commands: []");
  const bound = await createScriptedAgent(hub, { job_id: job.id, single_job: true });
  expect((await registerAt(hub, { job_id: job.id, single_job: true })).text).toBe("job not available");
  const other = await createScriptedAgent(hub, { name: "other-agent" });
  expect((await other.sync("waiting-for-jobs")).json["action"]).toBe("continue");
  expect((await bound.sync("waiting-for-jobs")).json).toMatchObject({ action: "run-job", job_id: job.id });
});

test("a disconnect releases the name at once, unless names stay reserved", async () => {
  let now = Date.now();
  await using hub = await createHub({ now: () => now, nameHoldMs: 120_000 });
  const agent = await createScriptedAgent(hub);
  expect(await agent.disconnect()).toMatchObject({ status: 200, text: "disconnected" });
  expect((await agent.disconnect()).status).toBe(404);
  hub.quota = 1;
  expect((await registerAt(hub)).text).toBe("agent can't be registered");
  now += 120_000;
  await hub.clean();
  expect((await registerAt(hub)).status).toBe(201);

  await using free = await createHub();
  await (await createScriptedAgent(free)).disconnect();
  expect((await registerAt(free)).status).toBe(201);
});

test("the name comes from the identity behind a pre-signed STS URL", async () => {
  const asked: string[] = [];
  let arn = "arn:aws:sts::123:assumed-role/ci-builders/i-0abc";
  await using hub = await createHub({
    nameOrigin: { accountId: "123", roles: "admins, ci-*" },
    async fetchSigned(url) {
      asked.push(url);
      return Response.json({
        GetCallerIdentityResponse: { GetCallerIdentityResult: { Account: "123", Arn: arn } },
      });
    },
  });
  const name = "https://sts.amazonaws.com/?Action=GetCallerIdentity";
  for (const wrong of ["plain-name", "http://sts.amazonaws.com/", "https://sts.eu-west-1.amazonaws.com/"]) {
    const refused = await registerAt(hub, { name: wrong });
    expect(refused.text).toBe("only pre-signed AWS STS URLs for name assignment are allowed");
  }
  expect(asked).toEqual([]);
  expect((await registerAt(hub, { name })).json["name"]).toBe("i-0abc");
  arn = "arn:aws:sts::123:assumed-role/not-ci-builders/i-0abc";
  expect(await registerAt(hub, { name })).toMatchObject({ status: 400, text: "the AWS role is not allowed" });
  arn = "arn:aws:iam::123:user/ci-me";
  expect(await registerAt(hub, { name })).toMatchObject({
    status: 400,
    text: "the identity is not an assumed role",
  });
  expect(asked).toEqual([name, name, name]);
});

test("an exhausted quota rejects new agents and disables surplus ones", async () => {
  await using hub = await createHub({ quota: 2 });
  const agent = await createScriptedAgent(hub);
  await createScriptedAgent(hub, { name: "other-agent" });
  expect((await registerAt(hub, { ...registration, name: "third-agent" })).status).toBe(422);
  hub.quota = 1;
  const answer = await agent.sync("waiting-for-jobs");
  expect(answer.json).toMatchObject({ action: "shutdown", shutdown_reason: "requested" });
});

test("agents call a hub on a loopback address under its names only, and elsewhere under any name", async () => {
  const ask = async (listen: HubOptions["listen"], host: string): Promise<number> => {
    await using hub = await createHub({ listen });
    const headers = { Authorization: `Token ${hub.token}`, Host: host };
    return (await fetch(`${hub.url}/api/v1/self_hosted_agents/occupancy`, { headers })).status;
  };
  expect(await ask({}, "evil.example")).toBe(403);
  expect(await ask({ hosts: ["host.docker.internal"] }, "host.docker.internal:4850")).toBe(200);
  expect(await ask({ hostname: "0.0.0.0" }, "hub.ci.svc:4850")).toBe(200);
});
