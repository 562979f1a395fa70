import { expect, test } from "bun:test";
import { createFaults, type FaultKind } from "./faults.ts";
import { createForeignAgent, goodLog, push } from "./foreign-agent.ts";
import { createHub } from "./hub.ts";

const pattern = (seed: number, probability = 0.3): string => {
  const faults = createFaults(() => 0);
  faults.add({ kind: "status", seed, probability });
  return Array.from({ length: 200 }, () => (faults.hit("sync") === undefined ? "." : "x")).join("");
};

test("the same seed spoils the same requests, another one others, about as many as it should", () => {
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
])("the pattern %p is for %p, not for %p", (on, yes, no) => {
  const faults = createFaults(() => 0);
  faults.add({ on, kind: "cut" });
  expect(yes.filter((endpoint) => faults.hit(endpoint) === undefined)).toEqual([]);
  expect(no.filter((endpoint) => faults.hit(endpoint) !== undefined)).toEqual([]);
});

test("a rule spares, counts, begins and ends as it says, and only those that match count", () => {
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

test("a rule that makes no sense is refused, and the culprit is named", () => {
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
  "%s breaks the connection, and the request is processed: %p",
  async (kind, isProcessed, message) => {
    await using hub = await createHub();
    const agent = await createForeignAgent(hub);
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

test("an injected status is answered in place of the server's, and nothing is processed", async () => {
  await using hub = await createHub();
  const agent = await createForeignAgent(hub);
  await hub.submit("commands: []");
  hub.faults.add({ kind: "status", status: 502, count: 1 });
  expect((await agent.sync("waiting-for-jobs")).status).toBe(502);
  expect(hub.jobs[0]!.state).toBe("queued");
});

test("a bad body comes with the good status of what was processed", async () => {
  await using hub = await createHub();
  const agent = await createForeignAgent(hub);
  await hub.submit("commands: []");
  hub.faults.add({ kind: "bad-body", count: 1 });
  const answer = await agent.sync("waiting-for-jobs");
  expect([answer.status, answer.json]).toEqual([200, {}]);
  expect(hub.jobs[0]!.state).toBe("running");
});

test("a late request is processed when the agent still waits, and not when it has gone", async () => {
  await using hub = await createHub();
  const { id } = await hub.submit("commands: []");
  const agent = await createForeignAgent(hub);
  const logger = await agent.take(id);
  const [first] = goodLog();
  hub.faults.add({ on: "log", kind: "delay", delayMs: 20, count: 2 });
  expect((await push(logger, 0, [first!])).status).toBe(200);
  const impatient = fetch(`${logger.url}?start_from=0&jwt=${logger.token}`, {
    method: "POST",
    body: "late\n",
    signal: AbortSignal.timeout(5),
  });
  await expect(impatient).rejects.toThrow();
  await hub.until(() => hub.calls.filter(({ endpoint }) => endpoint === "log").length === 2);
  expect(hub.calls.at(-1)).toMatchObject({ fault: "delay", status: undefined });
  expect(hub.log(id).lines).toEqual([first!]);
});

test("a late answer is to a request that was processed at once", async () => {
  await using hub = await createHub();
  const { id } = await hub.submit("commands: []");
  const agent = await createForeignAgent(hub);
  hub.faults.add({ on: "sync", kind: "delay-after", delayMs: 50, count: 1 });
  let isAnswered = false;
  const answer = agent.sync("waiting-for-jobs").finally(() => (isAnswered = true));
  await hub.until(() => hub.job(id)!.state === "running");
  expect(isAnswered).toBe(false);
  expect((await answer).json["action"]).toBe("run-job");
});

test("a partition answers nobody until it ends, and then the connections are gone", async () => {
  await using hub = await createHub();
  const agent = await createForeignAgent(hub);
  const rule = hub.faults.add({ kind: "partition" });
  const calls = [agent.sync("waiting-for-jobs"), agent.refresh()].map((call) => call.catch(() => "gone"));
  await Bun.sleep(20);
  expect(await Promise.race([...calls, "nothing yet"])).toBe("nothing yet");
  hub.faults.remove(rule.id);
  expect(await Promise.all(calls)).toEqual(["gone", "gone"]);
  expect((await agent.sync("waiting-for-jobs")).status).toBe(200);

  hub.faults.add({ kind: "partition", untilMs: 30 });
  await expect(agent.sync("waiting-for-jobs")).rejects.toThrow();
  expect((await agent.sync("waiting-for-jobs")).status).toBe(200);
});

test("people are never spoiled", async () => {
  await using hub = await createHub();
  hub.faults.add({ kind: "drop-before" });
  expect((await fetch(`${hub.url}/hub/jobs`)).status).toBe(200);
});
