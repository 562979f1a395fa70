import { expect, test } from "bun:test";
import type { Hub } from "./contract.ts";
import { callHub, createScriptedAgent, push, registerAt } from "./testing/scripted-agent.ts";
import { createHub } from "./hub.ts";

interface Wire {
  readonly env_vars: readonly { readonly name: string; readonly value: string }[];
  readonly [key: string]: unknown;
}

const decode = (value: string): string => Buffer.from(value, "base64").toString();
const variable = (wire: Wire, name: string): string | undefined =>
  wire.env_vars.findLast((entry) => entry.name === name)?.value;

const text = `
name: everything
env: { MINE: secret }
files: [{ path: a.txt, text: hello, mode: "0600" }]
commands: ["echo <a>", { directive: b, alias: B }]
epilogue_always_commands: [c]
compose:
  containers: [{ name: main, image: alpine, env: { IN: side }, files: [{ path: b, text: b }] }]
  image_pull_credentials: [{ env: { DOCKER_CREDENTIAL_TYPE: DockerHub } }]
logger: { method: push, url: "http://elsewhere", token: theirs }
`;

test("an agent fetches the document that the control plane builds", async () => {
  await using hub = await createHub();
  const { id } = await hub.submit(text);
  const agent = await createScriptedAgent(hub);
  await agent.sync("waiting-for-jobs");
  const wire = (await agent.fetch(id)).json as Wire;
  expect(wire).toMatchObject({
    job_id: id,
    job_name: "everything",
    ssh_public_keys: [],
    files: [{ path: "a.txt", content: "aGVsbG8=", mode: "0600" }],
    commands: [{ directive: "echo <a>" }, { directive: "b", alias: "B" }],
    epilogue_always_commands: [{ directive: "c" }],
    epilogue_on_pass_commands: [],
    epilogue_on_fail_commands: [],
    executor: "dockercompose",
    logger: { method: "push", url: `${hub.url}/api/v1/logs/${id}` },
  });
  expect(decode(variable(wire, "MINE")!)).toBe("secret");
  expect(decode(variable(wire, "SEMAPHORE_JOB_ID")!)).toBe(id);
  expect(decode(variable(wire, "SEMAPHORE_ORGANIZATION_URL")!)).toBe(hub.url);
  expect(wire.env_vars.slice(0, 3).map(({ name }) => name)).toEqual(["TERM", "CI", "SEMAPHORE"]);
});

test("a job without containers has no executor key unless the request names an executor", async () => {
  await using hub = await createHub();
  const plain = await hub.submit("commands: [a]");
  const asked = await hub.submit("executor: kubernetes\ncommands: [a]");
  const wires: Record<string, unknown>[] = [];
  for (const { id } of [plain, asked]) {
    const agent = await createScriptedAgent(hub, { name: `agent-${id}` });
    await agent.sync("waiting-for-jobs");
    wires.push((await agent.fetch(id)).json);
  }
  expect("executor" in wires[0]! || "compose" in wires[0]!).toBe(false);
  expect(wires[1]!["executor"]).toBe("kubernetes");
});

test("the log URL has the host name that the agent used", async () => {
  await using hub = await createHub();
  const { id } = await hub.submit("commands: [a]");
  const byName = { url: hub.url.replace("127.0.0.1", "localhost") };
  const registered = await registerAt(hub);
  const token = String(registered.json["token"]);
  const sync = { state: "waiting-for-jobs", job_id: "", job_result: "", interrupted_at: 0 };
  await callHub(byName, "/sync", { token, body: sync });
  const fetched = await callHub(byName, `/jobs/${id}`, { token, method: "GET" });
  expect((fetched.json["logger"] as { url: string }).url).toBe(`${byName.url}/api/v1/logs/${id}`);
});

async function fetchTwice(hub: Hub, job: string, wait: () => void): Promise<[first: Wire, second: Wire]> {
  const { id } = await hub.submit(job);
  const agent = await createScriptedAgent(hub);
  await agent.sync("waiting-for-jobs");
  const first = (await agent.fetch(id)).json as Wire;
  wait();
  return [first, (await agent.fetch(id)).json as Wire];
}

test("a fetched job loses its secrets after the delay", async () => {
  let now = Date.now();
  await using hub = await createHub({ now: () => now, sanitizeDelayMs: 100 });
  const [first, soon] = await fetchTwice(hub, "commands: [a]\nenv: { A: b }", () => (now += 99));
  expect(soon).toEqual(first);

  await using other = await createHub({ now: () => now, sanitizeDelayMs: 100 });
  const job = `${text}env_vars: [{ name: SEMAPHORE_OIDC_TOKEN, value: eA== }, { name: PAGER, value: eA== }]`;
  const [whole, late] = await fetchTwice(other, job, () => (now += 100));
  const lost = "{SANITIZED}";
  expect(variable(whole, "SEMAPHORE_OIDC_TOKEN")).toBe("eA==");
  for (const name of ["MINE", "SEMAPHORE_OIDC_TOKEN", "SEMAPHORE_ARTIFACT_TOKEN"]) {
    expect(variable(late, name)).toBe(lost);
  }
  for (const name of ["TERM", "CI", "PAGER", "SEMAPHORE_JOB_ID", "SEMAPHORE_ORGANIZATION_URL"]) {
    expect(variable(late, name)).toBe(variable(whole, name)!);
  }
  expect(late).toMatchObject({
    files: [{ path: "a.txt", content: lost, mode: "0600" }],
    commands: whole["commands"],
    callbacks: { token: lost },
    compose: {
      containers: [{ image: "alpine", env_vars: [{ name: "IN", value: lost }], files: [{ content: lost }] }],
      image_pull_credentials: [{ env_vars: [{ name: "DOCKER_CREDENTIAL_TYPE", value: lost }] }],
    },
    logger: { method: "push", token: lost },
  });
  expect(JSON.stringify(late)).not.toContain("c2VjcmV0");
});

test("only the assigned agent can fetch a job", async () => {
  await using hub = await createHub();
  const { id } = await hub.submit("commands: [a]");
  const agent = await createScriptedAgent(hub);
  const other = await createScriptedAgent(hub, { name: "other-agent" });
  expect((await agent.fetch(id)).status).toBe(404);
  await agent.sync("waiting-for-jobs");
  expect((await other.fetch(id)).status).toBe(404);
  expect((await agent.fetch("nothing")).status).toBe(404);
  expect((await agent.fetch(id)).status).toBe(200);
});

test("the new generation escapes the JSON of a job and sets its content type", async () => {
  await using hub = await createHub({ generation: "new" });
  const { id } = await hub.submit("commands: ['a <&> b']");
  const registered = await registerAt(hub);
  const headers = { Authorization: `Token ${String(registered.json["token"])}` };
  const base = `${hub.url}/api/v1/self_hosted_agents`;
  const sync = { state: "waiting-for-jobs", job_id: "", job_result: "", interrupted_at: 0 };
  await fetch(`${base}/sync`, { method: "POST", headers, body: JSON.stringify(sync) });
  const response = await fetch(`${base}/jobs/${id}`, { headers });
  const body = await response.text();
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(body).toContain(String.raw`a \u003c\u0026\u003e b`);
  expect(JSON.parse(body)).toMatchObject({ commands: [{ directive: "a <&> b" }] });
});

test("a raw submission is sent unchanged", async () => {
  await using hub = await createHub();
  const agent = await createScriptedAgent(hub);
  const invalid = await hub.submitRaw("no json");
  await agent.sync("waiting-for-jobs");
  expect((await agent.fetch(invalid.id)).text).toBe("no json");
  await agent.sync("finished-job", { job_id: invalid.id, job_result: "failed" });

  const odd = await hub.submitRaw({ commands: 5, env_vars: [null, 7], files: {}, compose: "x" });
  const logger = await agent.take(odd.id);
  expect((await push(logger, 0, "x")).status).toBe(200);
  await hub.clean();
  await agent.sync("finished-job", { job_id: odd.id, job_result: "failed" });

  const overridden = await hub.submitRaw({ logger: null, job_id: "other" });
  await agent.sync("waiting-for-jobs");
  expect((await agent.fetch(overridden.id)).json).toEqual({ logger: null, job_id: "other" });
});

test("a job keeps the id of its request if it is a new UUID; an id in use is rejected as an option", async () => {
  await using hub = await createHub();
  const id = "11111111-2222-4333-8444-555555555555";
  expect((await hub.submit(`job_id: ${id}\ncommands: []`)).id).toBe(id);
  expect((await hub.submit(`job_id: ${id}\ncommands: []`)).id).not.toBe(id);
  await expect(hub.submit("commands: []", { id })).rejects.toMatchObject({ code: "JOB_INVALID" });
  await expect(hub.submit("commands: 5")).rejects.toMatchObject({ code: "JOB_INVALID" });
});

test("a stopped queued job is never assigned", async () => {
  await using hub = await createHub();
  const { id } = await hub.submit("commands: []");
  expect(await hub.stopJob(id)).toBe(true);
  expect(await hub.stopJob(id)).toBe(false);
  expect(hub.job(id)).toMatchObject({ state: "finished", result: "stopped", isDone: true });
  const agent = await createScriptedAgent(hub);
  expect((await agent.sync("waiting-for-jobs")).json["action"]).toBe("continue");
});

test("jobs that exceed the running or the queue time limit are stopped", async () => {
  let now = Date.now();
  await using hub = await createHub({ now: () => now });
  const agent = await createScriptedAgent(hub);
  const { id } = await hub.submit("commands: []", { limitMs: 60_000 });
  const waiting = await hub.submit("commands: []");
  await agent.take(id);
  now += 60_001;
  await hub.clean();
  expect((await agent.sync("running-job", { job_id: id })).json["action"]).toBe("stop-job");
  now += 24 * 3_600_000;
  await hub.clean();
  expect(hub.job(waiting.id)).toMatchObject({ result: "stopped", reason: "queue time limit exceeded" });
});

test("done resolves with the job once its agent has reported it", async () => {
  await using hub = await createHub();
  const { id } = await hub.submit("commands: []");
  const done = hub.done(id);
  const agent = await createScriptedAgent(hub);
  await agent.take(id);
  await agent.sync("finished-job", { job_id: id, job_result: "passed" });
  expect(await done).toMatchObject({ id, result: "passed" });
  await expect(hub.done("nothing")).rejects.toMatchObject({ code: "JOB_INVALID" });
  await expect(hub.until(() => false, AbortSignal.timeout(1))).rejects.toMatchObject({
    name: "TimeoutError",
  });
});
