import { createHmac } from "node:crypto";
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Hub } from "./contract.ts";
import { createScriptedAgent, type ScriptedAgent, validLog, push } from "./testing/scripted-agent.ts";
import { createHub } from "./hub.ts";

interface Logger {
  readonly url: string;
  readonly token: string;
}

async function startJob(hub: Hub): Promise<{ id: string; agent: ScriptedAgent; logger: Logger }> {
  const { id } = await hub.submit("commands: [make]");
  const agent = await createScriptedAgent(hub);
  return { id, agent, logger: await agent.take(id) };
}

const events = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) =>
    JSON.stringify({ event: "cmd_output", timestamp: 1, output: `${from + index}\n` }),
  );
const numbers = (hub: Hub, id: string): number[] =>
  hub.log(id).events.map((event) => (event.event === "cmd_output" ? Number(event.output) : -1));

test("events are appended in order, empty lines are dropped and lines are not parsed", async () => {
  await using hub = await createHub();
  const { id, logger } = await startJob(hub);
  expect(await push(logger, 0, `${validLog("ä\n")[0]}\n\n\nno json\n`)).toEqual({ status: 200, text: "" });
  expect((await push(logger, 2, "a last line without a line feed")).status).toBe(200);
  expect(hub.log(id).lines).toEqual([validLog()[0]!, "no json", "a last line without a line feed"]);
});

test("a repeated batch changes nothing, and a smaller start_from truncates the log", async () => {
  await using hub = await createHub();
  const { id, logger } = await startJob(hub);
  await push(logger, 0, events(0, 10));
  await push(logger, 10, events(10, 20));
  await push(logger, 10, events(10, 20));
  expect(numbers(hub, id)).toEqual([...Array(20).keys()]);
  await push(logger, 5, events(5, 7));
  expect(numbers(hub, id)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  await push(logger, 0, events(0, 2));
  expect(numbers(hub, id)).toEqual([0, 1]);
});

test("events after a gap are appended", async () => {
  await using hub = await createHub();
  const { id, logger } = await startJob(hub);
  await push(logger, 0, events(0, 2));
  expect((await push(logger, 50, events(50, 52))).status).toBe(200);
  expect(numbers(hub, id)).toEqual([0, 1, 50, 51]);
});

test("a body without events has no effect, also from 0", async () => {
  await using hub = await createHub();
  const { id, logger } = await startJob(hub);
  await push(logger, 0, events(0, 3));
  expect((await push(logger, 0, "\n\n")).status).toBe(200);
  expect(numbers(hub, id)).toEqual([0, 1, 2]);
});

test("a push is checked in the server's order", async () => {
  await using hub = await createHub();
  const { id, logger } = await startJob(hub);
  const tooMany = events(0, 2001);
  const none = await fetch(logger.url, { method: "POST", body: "x" });
  expect([none.status, await none.text()]).toEqual([401, "missing token"]);
  expect(await push({ ...logger, token: "x" }, "x", tooMany)).toEqual({ status: 401, text: "bad token" });
  expect(await push(logger, "", tooMany)).toEqual({ status: 400, text: "missing start_from" });
  expect(await push(logger, "-1", tooMany)).toEqual({ status: 400, text: "bad start_from" });
  expect(await push(logger, 0, tooMany)).toEqual({ status: 413, text: "Too many log events" });
  expect((await push(logger, 0, events(0, 2000))).status).toBe(200);
  expect(numbers(hub, id)).toHaveLength(2000);
});

test("a full log gets one notice, and a push from 0 starts it again", async () => {
  await using hub = await createHub({ logLimitBytes: 1000 });
  const { id, logger } = await startJob(hub);
  const big = events(0, 30);
  expect((await push(logger, 0, big)).status).toBe(200);
  for (const _ of [1, 2]) {
    expect(await push(logger, 30, events(30, 31))).toEqual({ status: 422, text: "No more space" });
  }
  expect(hub.log(id).isTrimmed).toBe(true);
  expect(hub.log(id).events.slice(30)).toMatchObject([
    { event: "cmd_output", output: "Content of the log is bigger than 16MB. Log is trimmed." },
  ]);
  expect((await push(logger, 0, big)).status).toBe(200);
  expect(hub.log(id).isTrimmed).toBe(false);
});

test("a log token is valid for one hour and one job; in the query it takes precedence over the header", async () => {
  let now = 1_700_000_000_000;
  await using hub = await createHub({ now: () => now });
  const other = await hub.submit("commands: []");
  const { agent, logger } = await (async () => {
    const first = await createScriptedAgent(hub);
    return { agent: first, logger: await first.take(other.id) };
  })();
  const claims = JSON.parse(Buffer.from(logger.token.split(".")[1]!, "base64url").toString());
  expect(claims).toEqual({
    iat: 1_700_000_000,
    nbf: 1_700_000_000,
    exp: 1_700_003_600,
    sub: other.id,
    action: "PUSH",
  });
  const forged = `${logger.token.slice(0, logger.token.lastIndexOf("."))}.${createHmac("sha256", "x").update("x").digest("base64url")}`;
  expect((await push({ ...logger, token: forged }, 0, "x")).status).toBe(401);
  const elsewhere = logger.url.replace(other.id, "11111111-2222-4333-8444-555555555555");
  expect((await push({ ...logger, url: elsewhere }, 0, "x")).status).toBe(401);
  const inQuery = await fetch(`${logger.url}?start_from=0&jwt=${logger.token}`, {
    method: "POST",
    headers: { Authorization: "Bearer wrong" },
    body: "x",
  });
  expect(inQuery.status).toBe(200);

  now += 3_600_000;
  expect((await push(logger, 1, "x")).status).toBe(401);
  const refreshed = await agent.refresh();
  expect((await push({ ...logger, token: String(refreshed.json["token"]) }, 1, "x")).status).toBe(200);
});

test("a refresh requires an agent with a job", async () => {
  await using hub = await createHub();
  const agent = await createScriptedAgent(hub);
  expect((await agent.refresh()).status).toBe(422);
  await agent.disconnect();
  expect((await agent.refresh()).status).toBe(404);
});

test("events pushed after finished-job hide the archived log", async () => {
  await using hub = await createHub();
  const { id, agent, logger } = await startJob(hub);
  await push(logger, 0, validLog("whole"));
  await agent.sync("finished-job", { job_id: id, job_result: "passed" });
  expect(hub.log(id).text).toBe("make\nwhole");
  await push(logger, 5, events(5, 6));
  expect(numbers(hub, id)).toEqual([5]);
});

test("the log is complete after any sequence of lost, rejected and repeated pushes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          size: fc.integer({ min: 0, max: 12 }),
          fate: fc.constantFrom("fine", "drop-before", "drop-after", "status", "again"),
        }),
        { maxLength: 25 },
      ),
      async (steps) => {
        await using hub = await createHub();
        const { id, logger } = await startJob(hub);
        let accepted = 0;
        for (const { size, fate } of [...steps, { size: 5, fate: "fine" }]) {
          const batch = events(accepted, accepted + size);
          if (fate !== "fine" && fate !== "again") {
            hub.faults.add({ on: "log", kind: fate as "drop-before", count: 1 });
            await push(logger, accepted, batch).catch(() => {});
            hub.faults.clear();
            // The agent cannot know whether the batch arrived, so the next batch has the same start.
            continue;
          }
          expect((await push(logger, accepted, batch)).status).toBe(200);
          if (fate === "again") expect((await push(logger, accepted, batch)).status).toBe(200);
          accepted += size;
        }
        expect(numbers(hub, id)).toEqual([...Array(accepted).keys()]);
      },
    ),
    { numRuns: 40 },
  );
});
