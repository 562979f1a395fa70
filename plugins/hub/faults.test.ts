import { expect, test } from "bun:test";
import { createFaults, type FaultKind } from "./faults.ts";
import { createScriptedAgent, validLog, push } from "./testing/scripted-agent.ts";
import { createHub } from "./hub.ts";

const pattern = (seed: number, probability = 0.3): string => {
  const faults = createFaults(() => 0);
  faults.add({ kind: "status", seed, probability });
  return Array.from({ length: 200 }, () => (faults.hit("sync") === undefined ? "." : "x")).join("");
};

test("the same seed selects the same requests, another seed selects others, at the configured rate", () => {
  expect(pattern(7)).toBe(pattern(7));
  expect(pattern(7)).not.toBe(pattern(8));
  const hits = [1, 2, 3, 4, 5].map((seed) => pattern(seed).replaceAll(".", "").length);
  expect(hits.reduce((sum, count) => sum + count) / 1000).toBeWithin(0.25, 0.35);
  expect(pattern(1, 0)).not.toContain("x");
  expect(pattern(1, 1)).not.toContain(".");
});

test.each([
  ["*", ["sync/running-job", "log", "register"], []],
  ["sync", ["sync", "sync/running-job"], ["log", "syncs"]],
  ["sync/finished-job, log", ["sync/finished-job", "log"], ["sync/running-job", "sync"]],
  ["sync/*-job", ["sync/running-job"], ["sync/waiting-for-jobs"]],
])("the pattern %p matches %p, but not %p", (on, yes, no) => {
  const faults = createFaults(() => 0);
  faults.add({ on, kind: "cut" });
  expect(yes.filter((endpoint) => faults.hit(endpoint) === undefined)).toEqual([]);
  expect(no.filter((endpoint) => faults.hit(endpoint) !== undefined)).toEqual([]);
});

test("a rule skips and counts matching requests only, within its period", () => {
  let now = 1000;
  const faults = createFaults(() => now);
  const rule = faults.add({ on: "log", kind: "cut", skip: 2, count: 2, fromMs: 10, untilMs: 20 });
  const hit = (): boolean => faults.hit("log") !== undefined;
  expect(hit()).toBe(false);
  now += 10;
  faults.hit("sync");
  expect([hit(), hit(), hit(), hit(), hit()]).toEqual([false, false, true, true, false]);
  expect(rule).toMatchObject({ matched: 4, hits: 2 });
  expect(faults.remainingMs(rule)).toBe(10);
  faults.clear();
  faults.add({ kind: "cut", untilMs: 5 });
  expect(hit()).toBe(true);
  now += 5;
  expect(hit()).toBe(false);
});

test("an invalid rule is rejected with the name of the invalid key", () => {
  const faults = createFaults(() => 0);
  expect(() => faults.add({ kind: "explode" as FaultKind })).toThrow(/kind: /);
  expect(() => faults.add({ kind: "cut", probability: 2 })).toThrow(/probability: /);
  expect(() => faults.add({ kind: "cut", often: 1 } as never)).toThrow(/often: /);
  expect(faults.list).toEqual([]);
});

const state = { job_id: "", job_result: "", interrupted_at: 0 };

test.each([
  ["drop-before", false, /closed|ECONNRESET/i],
  ["drop-after", true, /closed|ECONNRESET/i],
  ["cut", true, /closed|ECONNRESET/i],
] as const)(
  "%s closes the connection, and the request is processed: %p",
  async (kind, isProcessed, message) => {
    await using hub = await createHub();
    const agent = await createScriptedAgent(hub);
    await hub.submit("commands: []");
    hub.faults.add({ on: "sync", kind, count: 1 });
    await expect(agent.sync("waiting-for-jobs", state)).rejects.toThrow(message);
    expect(hub.jobs[0]!.state).toBe(isProcessed ? "running" : "queued");
    expect((await agent.sync("waiting-for-jobs")).json["action"]).toBe("run-job");
    await hub.until(() => hub.calls.length === 3);
    expect(hub.calls.map(({ endpoint, fault, isDelivered }) => [endpoint, fault, isDelivered])).toEqual([
      ["register", undefined, true],
      ["sync/waiting-for-jobs", kind, false],
      ["sync/waiting-for-jobs", undefined, true],
    ]);
  },
);

test("an injected status replaces the answer, and the request is not processed", async () => {
  await using hub = await createHub();
  const agent = await createScriptedAgent(hub);
  await hub.submit("commands: []");
  hub.faults.add({ kind: "status", status: 502, count: 1 });
  expect((await agent.sync("waiting-for-jobs")).status).toBe(502);
  expect(hub.jobs[0]!.state).toBe("queued");
});

test("a bad body has the status of the processed request", async () => {
  await using hub = await createHub();
  const agent = await createScriptedAgent(hub);
  await hub.submit("commands: []");
  hub.faults.add({ kind: "bad-body", count: 1 });
  const answer = await agent.sync("waiting-for-jobs");
  expect([answer.status, answer.json]).toEqual([200, {}]);
  expect(hub.jobs[0]!.state).toBe("running");
});

test("a delayed request is processed unless its agent has disconnected", async () => {
  await using hub = await createHub();
  const { id } = await hub.submit("commands: []");
  const agent = await createScriptedAgent(hub);
  const logger = await agent.take(id);
  const [first] = validLog();
  hub.faults.add({ on: "log", kind: "delay", delayMs: 20, count: 2 });
  expect((await push(logger, 0, [first!])).status).toBe(200);
  const aborted = fetch(`${logger.url}?start_from=0&jwt=${logger.token}`, {
    method: "POST",
    body: "late\n",
    signal: AbortSignal.timeout(5),
  });
  await expect(aborted).rejects.toThrow();
  await hub.until(() => hub.calls.filter(({ endpoint }) => endpoint === "log").length === 2);
  expect(hub.calls.at(-1)).toMatchObject({ fault: "delay", status: undefined });
  expect(hub.log(id).lines).toEqual([first!]);
});

test("a request with a delayed answer is processed at once", async () => {
  await using hub = await createHub();
  const { id } = await hub.submit("commands: []");
  const agent = await createScriptedAgent(hub);
  hub.faults.add({ on: "sync", kind: "delay-after", delayMs: 50, count: 1 });
  let isAnswered = false;
  const answer = agent.sync("waiting-for-jobs").finally(() => (isAnswered = true));
  await hub.until(() => hub.job(id)!.state === "running");
  expect(isAnswered).toBe(false);
  expect((await answer).json["action"]).toBe("run-job");
});

test("a partition holds requests back until it ends, and then closes the connections", async () => {
  await using hub = await createHub();
  const agent = await createScriptedAgent(hub);
  const rule = hub.faults.add({ kind: "partition" });
  const calls = [agent.sync("waiting-for-jobs"), agent.refresh()].map((call) => call.catch(() => "closed"));
  await Bun.sleep(20);
  expect(await Promise.race([...calls, "pending"])).toBe("pending");
  hub.faults.remove(rule.id);
  expect(await Promise.all(calls)).toEqual(["closed", "closed"]);
  expect((await agent.sync("waiting-for-jobs")).status).toBe(200);

  hub.faults.add({ kind: "partition", untilMs: 30 });
  await expect(agent.sync("waiting-for-jobs")).rejects.toThrow();
  expect((await agent.sync("waiting-for-jobs")).status).toBe(200);
});

test("the management API has no faults", async () => {
  await using hub = await createHub();
  hub.faults.add({ kind: "drop-before" });
  expect((await fetch(`${hub.url}/hub/jobs`)).status).toBe(200);
});
