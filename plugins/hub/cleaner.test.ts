import { expect, test } from "bun:test";
import type { Hub, HubOptions } from "./contract.ts";
import { createForeignAgent, push, registerAt } from "./foreign-agent.ts";
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

test("an agent that never syncs is removed after a minute, and the job that it was bound to has failed", async () => {
  await using scene = await createScene();
  const { id } = await scene.hub.submit("commands: []");
  const agent = await createForeignAgent(scene.hub, { job_id: id, single_job: true });
  await scene.wait(minute);
  expect(scene.hub.agents).toHaveLength(1);
  await scene.wait(1);
  expect(scene.hub.agents).toEqual([]);
  expect(scene.hub.job(id)).toMatchObject({
    result: "failed",
    reason: 'the agent "foreign-agent" is gone',
    isDone: true,
  });
  expect((await agent.sync("waiting-for-jobs")).status).toBe(404);
});

test("an idle agent is removed after three minutes of silence", async () => {
  await using scene = await createScene();
  const agent = await createForeignAgent(scene.hub);
  await agent.sync("waiting-for-jobs");
  await scene.wait(3 * minute);
  expect((await agent.sync("waiting-for-jobs")).status).toBe(200);
  await scene.wait(3 * minute + 1);
  expect((await agent.sync("waiting-for-jobs")).status).toBe(404);
  expect((await registerAt(scene.hub)).status).toBe(201);
});

test("an agent with a job is removed after fifteen minutes, and its job has failed", async () => {
  await using scene = await createScene();
  const { id } = await scene.hub.submit("commands: []");
  const agent = await createForeignAgent(scene.hub);
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

test("a job that was stopped by a user stays stopped when its agent dies", async () => {
  await using scene = await createScene();
  const { id } = await scene.hub.submit("commands: []");
  await (await createForeignAgent(scene.hub)).take(id);
  await scene.hub.stopJob(id);
  await scene.wait(15 * minute + 1);
  expect(scene.hub.job(id)).toMatchObject({ result: "stopped", isDone: true });
});

test("a job whose agent disconnected without a word is left to its time limit", async () => {
  await using scene = await createScene();
  const { id } = await scene.hub.submit("commands: []", { limitMs: 60 * minute });
  const agent = await createForeignAgent(scene.hub);
  await agent.take(id);
  await agent.disconnect();
  await scene.wait(16 * minute);
  expect(scene.hub.job(id)).toMatchObject({ state: "running" });
  await scene.wait(45 * minute);
  expect(scene.hub.job(id)).toMatchObject({
    result: "stopped",
    reason: "it ran longer than it may",
    isDone: true,
  });
});

test("the time scale divides the server's times, and not the interval that was given", async () => {
  await using scene = await createScene({ timeScale: 60, random: () => 0 });
  const agent = await createForeignAgent(scene.hub);
  expect((await agent.sync("waiting-for-jobs")).json["next_sync_after"]).toBe(66);
  await scene.wait(3 * second + 1);
  expect((await agent.sync("waiting-for-jobs")).status).toBe(404);

  await using exact = await createScene({ timeScale: 60, syncIntervalMs: [500, 700], random: () => 0.5 });
  const other = await createForeignAgent(exact.hub);
  expect((await other.sync("waiting-for-jobs")).json["next_sync_after"]).toBe(600);
});

test("the cleaner runs by itself", async () => {
  await using hub = await createHub({ timeScale: 3000 });
  await createForeignAgent(hub);
  await hub.until(() => hub.agents.length === 0);
  expect(hub.violations.list.map(({ rule }) => rule)).toEqual(["sync-late"]);
});
