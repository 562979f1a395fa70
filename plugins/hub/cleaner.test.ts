import { expect, test } from "bun:test";
import type { Hub, HubOptions } from "./contract.ts";
import { createScriptedAgent, push, registerAt } from "./testing/scripted-agent.ts";
import { createHub } from "./hub.ts";

const second = 1000;
const minute = 60 * second;

async function createScene(
  options: HubOptions = {},
): Promise<{ hub: Hub; wait(ms: number): Promise<void> } & AsyncDisposable> {
  let now = 1_700_000_000_000;
  const hub = await createHub({ now: () => now, ...options });
  return {
    hub,
    async wait(ms) {
      now += ms;
      await hub.clean();
    },
    [Symbol.asyncDispose]: () => hub.stop(),
  };
}

test("an agent that never syncs is removed after a minute, and its job fails", async () => {
  await using scene = await createScene();
  const { id } = await scene.hub.submit("commands: []");
  const agent = await createScriptedAgent(scene.hub, { job_id: id, single_job: true });
  await scene.wait(minute);
  expect(scene.hub.agents).toHaveLength(1);
  await scene.wait(1);
  expect(scene.hub.agents).toEqual([]);
  expect(scene.hub.job(id)).toMatchObject({
    result: "failed",
    reason: 'agent "scripted-agent" stopped syncing',
    isDone: true,
  });
  expect((await agent.sync("waiting-for-jobs")).status).toBe(404);
});

test("an idle agent is removed after three minutes of silence", async () => {
  await using scene = await createScene();
  const agent = await createScriptedAgent(scene.hub);
  await agent.sync("waiting-for-jobs");
  await scene.wait(3 * minute);
  expect((await agent.sync("waiting-for-jobs")).status).toBe(200);
  await scene.wait(3 * minute + 1);
  expect((await agent.sync("waiting-for-jobs")).status).toBe(404);
  expect((await registerAt(scene.hub)).status).toBe(201);
});

test("an agent with a job is removed after fifteen minutes of silence, and its job fails", async () => {
  await using scene = await createScene();
  const { id } = await scene.hub.submit("commands: []");
  const agent = await createScriptedAgent(scene.hub);
  const logger = await agent.take(id);
  await push(logger, 0, "kept");
  await scene.wait(15 * minute);
  expect(scene.hub.agents).toHaveLength(1);
  await scene.wait(1);
  expect(scene.hub.job(id)).toMatchObject({ state: "finished", result: "failed" });
  expect(scene.hub.log(id).lines).toEqual(["kept"]);
  expect((await agent.sync("running-job", { job_id: id })).status).toBe(404);
  expect((await agent.refresh()).status).toBe(404);
  expect((await agent.fetch(id)).status).toBe(404);
});

test("a job that a user stopped stays stopped when its agent is removed", async () => {
  await using scene = await createScene();
  const { id } = await scene.hub.submit("commands: []");
  await (await createScriptedAgent(scene.hub)).take(id);
  await scene.hub.stopJob(id);
  await scene.wait(15 * minute + 1);
  expect(scene.hub.job(id)).toMatchObject({ result: "stopped", isDone: true });
});

test("a job whose agent disconnects without reporting it runs into its time limit", async () => {
  await using scene = await createScene();
  const { id } = await scene.hub.submit("commands: []", { limitMs: 60 * minute });
  const agent = await createScriptedAgent(scene.hub);
  await agent.take(id);
  await agent.disconnect();
  await scene.wait(16 * minute);
  expect(scene.hub.job(id)).toMatchObject({ state: "running" });
  await scene.wait(45 * minute);
  expect(scene.hub.job(id)).toMatchObject({
    result: "stopped",
    reason: "running time limit exceeded",
    isDone: true,
  });
});

test("the time scale divides the server's times, but not a configured sync interval", async () => {
  await using scene = await createScene({ timeScale: 60, random: () => 0 });
  const agent = await createScriptedAgent(scene.hub);
  expect((await agent.sync("waiting-for-jobs")).json["next_sync_after"]).toBe(66);
  await scene.wait(3 * second + 1);
  expect((await agent.sync("waiting-for-jobs")).status).toBe(404);

  await using exact = await createScene({ timeScale: 60, syncIntervalMs: [500, 700], random: () => 0.5 });
  const other = await createScriptedAgent(exact.hub);
  expect((await other.sync("waiting-for-jobs")).json["next_sync_after"]).toBe(600);
});

test("the cleaner runs periodically", async () => {
  await using hub = await createHub({ timeScale: 3000 });
  await createScriptedAgent(hub);
  await hub.until(() => hub.agents.length === 0);
  expect(hub.violations.list.map(({ rule }) => rule)).toEqual(["sync-late"]);
});
