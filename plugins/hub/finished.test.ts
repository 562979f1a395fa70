import { expect, test } from "bun:test";
import { createForeignAgent } from "./foreign-agent.ts";
import { createScene, shutdown } from "./scene.ts";

test("finished: the job has its result, and the agent waits for the next one", async () => {
  await using scene = await createScene();
  const id = await scene.take();
  const finished = { job_id: id, job_result: "failed" };
  expect((await scene.agent.sync("finished-job", finished)).json["action"]).toBe("wait-for-jobs");
  expect(scene.hub.job(id)).toMatchObject({ state: "finished", result: "failed", isDone: true });
  const again = await scene.agent.sync("finished-job", { ...finished, job_result: "passed" });
  expect(again.json["action"]).toBe("wait-for-jobs");
  expect(scene.hub.job(id)!.result).toBe("failed");
  expect((await scene.agent.sync("waiting-for-jobs")).json["action"]).toBe("continue");
});

test("finished: without a UUID it is an error of the server", async () => {
  await using scene = await createScene();
  await scene.take();
  expect((await scene.agent.sync("finished-job", { job_id: "", job_result: "passed" })).status).toBe(500);
});

test("finished: without a result the server is never told, and the job hangs", async () => {
  await using scene = await createScene();
  const id = await scene.take();
  expect((await scene.agent.sync("finished-job", { job_id: id })).json["action"]).toBe("wait-for-jobs");
  expect(scene.hub.job(id)).toMatchObject({ state: "running", isDone: false });
});

test("finished: an agent for one job leaves for that, also when it was interrupted", async () => {
  await using scene = await createScene({ single_job: true });
  const id = await scene.take();
  const told = await scene.agent.sync("finished-job", {
    job_id: id,
    job_result: "passed",
    interrupted_at: scene.nowSeconds,
  });
  expect(told.json).toMatchObject(shutdown("job-finished"));
});

test("finished: an interrupted agent leaves", async () => {
  await using scene = await createScene();
  const id = await scene.take();
  const told = await scene.agent.sync("finished-job", {
    job_id: id,
    job_result: "passed",
    interrupted_at: scene.nowSeconds,
  });
  expect(told.json).toMatchObject(shutdown("interrupted"));
});

test("finished: the result of a job that a user stopped does not matter any more", async () => {
  await using scene = await createScene();
  const id = await scene.take();
  await scene.hub.stopJob(id);
  await scene.agent.sync("finished-job", { job_id: id, job_result: "passed" });
  expect(scene.hub.job(id)).toMatchObject({ result: "stopped", isDone: true });
});

test("a state that the server does not know makes it panic, and a body that is no JSON is refused", async () => {
  await using scene = await createScene();
  await expect(scene.agent.sync("sleeping")).rejects.toThrow();
  expect((await scene.agent.sync("waiting-for-jobs", { interrupted_at: "now" })).status).toBe(422);
});

test("the states of old agents that could not begin are the end of a failed job", async () => {
  await using scene = await createScene();
  const id = await scene.take();
  expect((await scene.agent.sync("failed-to-fetch-job", { job_id: id })).json["action"]).toBe(
    "wait-for-jobs",
  );
  expect(scene.hub.job(id)).toMatchObject({ state: "finished", result: "failed" });
});

test("the later server takes finished-job for the assigned job only, and rejects it when there is none", async () => {
  await using scene = await createScene({}, { generation: "new" });
  const id = await scene.take();
  const other = await scene.hub.submit("commands: []");
  const told = await scene.agent.sync("finished-job", { job_id: other.id, job_result: "passed" });
  expect(told.json["action"]).toBe("wait-for-jobs");
  expect(scene.hub.jobs.map(({ id, state }) => [id, state])).toEqual([
    [id, "finished"],
    [other.id, "queued"],
  ]);
  expect((await scene.agent.sync("finished-job", { job_id: id, job_result: "passed" })).status).toBe(409);
});

test("the later server rejects waiting with an unreported job, and running without one", async () => {
  await using scene = await createScene({}, { generation: "new" });
  expect((await scene.agent.sync("running-job")).status).toBe(409);
  const id = await scene.take();
  expect((await scene.agent.sync("waiting-for-jobs")).status).toBe(409);
  expect((await scene.agent.sync("running-job", { job_id: id })).status).toBe(200);
});

test("queued and running jobs, idle and occupied agents are counted for the registration token", async () => {
  await using scene = await createScene();
  await scene.take();
  const { id } = await scene.hub.submit("commands: []");
  await createForeignAgent(scene.hub, { name: "idle-agent" });
  const ask = async (what: string, token = scene.hub.token): Promise<unknown> => {
    const url = `${scene.hub.url}/api/v1/self_hosted_agents/${what}`;
    const response = await fetch(url, { headers: { Authorization: `Token ${token}` } });
    return response.ok ? response.json() : response.status;
  };
  expect(await ask("metrics")).toEqual({ jobs: { queued: 1, running: 1 }, agents: { idle: 1, occupied: 1 } });
  expect(await ask("occupancy")).toEqual({ queued: 1, running: 1 });
  expect(await ask("jobs")).toEqual({ jobs: [{ id }] });
  expect(await ask("metrics", "wrong")).toBe(404);
});
