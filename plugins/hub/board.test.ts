import { expect, test } from "bun:test";
import { createHub } from "./hub.ts";
import { createScriptedAgent, push, validLog } from "./testing/scripted-agent.ts";

test("the board has agents, jobs with their place in the queue, and logs", async () => {
  await using hub = await createHub({ syncIntervalMs: 0 });
  const request =
    "name: first\nexecutor: shell\nenv: { SEMAPHORE_GIT_BRANCH: main, KEY: secret }\ncommands: [make]";
  const first = await hub.submit(request);
  const second = await hub.submit("name: second\ncommands: [make]");
  expect(hub.board.read().jobs).toMatchObject([
    { id: second.id, state: "queued", place: 2 },
    { id: first.id, state: "queued", place: 1, name: "first", branch: "main", executor: "shell" },
  ]);
  const agent = await createScriptedAgent(hub);
  const logger = await agent.take(first.id);
  await push(logger, 0, validLog("one\n"));
  const { agents, jobs } = hub.board.read();
  expect(agents).toMatchObject([{ name: "scripted-agent", state: "running", jobId: first.id }]);
  expect(jobs[0]).toMatchObject({ id: second.id, place: 1 });
  expect(jobs[1]?.variables).toContain("KEY");
  expect(JSON.stringify(hub.board.read())).not.toContain(Buffer.from("secret").toString("base64"));

  using log = hub.board.openLog(first.id)!;
  const batch = log.peek({ event: 0, offset: 0 })!;
  expect(new TextDecoder().decode(batch.lines).trimEnd().split("\n")).toEqual(validLog("one\n"));
  expect(batch.end).toEqual({ event: validLog("one\n").length, offset: batch.lines.length });
  expect(log.peek(batch.end)).toBeUndefined();
  expect(hub.board.openLog("unknown")).toBeUndefined();
});

test("a job is run again with its secrets, under a new id, until its request is forgotten", async () => {
  await using hub = await createHub({ syncIntervalMs: 0, sanitizeDelayMs: 0 });
  const { id } = await hub.submit("env: { KEY: secret }\ncommands: [make]");
  const { actions } = hub.board;
  const again = (await actions!.retry(id))!;
  expect(again).not.toBe(id);
  expect(hub.job(again)).toMatchObject({ state: "queued" });
  await hub.clean();
  const agent = await createScriptedAgent(hub, { job_id: again, single_job: true });
  expect(JSON.stringify((await agent.fetch(again)).json)).toContain(Buffer.from("secret").toString("base64"));
  for (let count = 0; count < 200; count += 1) await hub.submit("commands: []");
  expect(await actions!.retry(id)).toBeUndefined();
  expect(await actions!.retry("unknown")).toBeUndefined();
});
