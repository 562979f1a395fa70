import { expect, test } from "bun:test";
import { createScriptedAgent } from "./testing/scripted-agent.ts";
import { createScene, shutdown } from "./testing/scene.ts";

test("finished: the job has its result, and the agent waits for the next job", async () => {
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

test("finished: a job_id that is not a UUID causes status 500", async () => {
  await using scene = await createScene();
  await scene.take();
  expect((await scene.agent.sync("finished-job", { job_id: "", job_result: "passed" })).status).toBe(500);
});

test("finished: a report without a result is ignored, and the job stays running", async () => {
  await using scene = await createScene();
  const id = await scene.take();
  expect((await scene.agent.sync("finished-job", { job_id: id })).json["action"]).toBe("wait-for-jobs");
  expect(scene.hub.job(id)).toMatchObject({ state: "running", isDone: false });
});

test("finished: a single-job agent shuts down because its job finished, even if it is interrupted", async () => {
  await using scene = await createScene({ single_job: true });
  const id = await scene.take();
  const answer = await scene.agent.sync("finished-job", {
    job_id: id,
    job_result: "passed",
    interrupted_at: scene.nowSeconds,
  });
  expect(answer.json).toMatchObject(shutdown("job-finished"));
});

test("finished: an interrupted agent shuts down", async () => {
  await using scene = await createScene();
  const id = await scene.take();
  const answer = await scene.agent.sync("finished-job", {
    job_id: id,
    job_result: "passed",
    interrupted_at: scene.nowSeconds,
  });
  expect(answer.json).toMatchObject(shutdown("interrupted"));
});

test("finished: a job that a user stopped stays stopped, whatever result is reported", async () => {
  await using scene = await createScene();
  const id = await scene.take();
  await scene.hub.stopJob(id);
  await scene.agent.sync("finished-job", { job_id: id, job_result: "passed" });
  expect(scene.hub.job(id)).toMatchObject({ result: "stopped", isDone: true });
});

test("an unknown state makes the server panic, and a mistyped body is rejected", async () => {
  await using scene = await createScene();
  await expect(scene.agent.sync("sleeping")).rejects.toThrow();
  expect((await scene.agent.sync("waiting-for-jobs", { interrupted_at: "now" })).status).toBe(422);
});

test("the failed-to-… states of old agents fail the job", async () => {
  await using scene = await createScene();
  const id = await scene.take();
  expect((await scene.agent.sync("failed-to-fetch-job", { job_id: id })).json["action"]).toBe(
    "wait-for-jobs",
  );
  expect(scene.hub.job(id)).toMatchObject({ state: "finished", result: "failed" });
});

test("the new generation applies finished-job to the assigned job and rejects it without one", async () => {
  await using scene = await createScene({}, { generation: "new" });
  const id = await scene.take();
  const other = await scene.hub.submit("commands: []");
  const answer = await scene.agent.sync("finished-job", { job_id: other.id, job_result: "passed" });
  expect(answer.json["action"]).toBe("wait-for-jobs");
  expect(scene.hub.jobs.map(({ id, state }) => [id, state])).toEqual([
    [id, "finished"],
    [other.id, "queued"],
  ]);
  expect((await scene.agent.sync("finished-job", { job_id: id, job_result: "passed" })).status).toBe(409);
});

test("the new generation rejects waiting with an unreported job, and running without a job", async () => {
  await using scene = await createScene({}, { generation: "new" });
  expect((await scene.agent.sync("running-job")).status).toBe(409);
  const id = await scene.take();
  expect((await scene.agent.sync("waiting-for-jobs")).status).toBe(409);
  expect((await scene.agent.sync("running-job", { job_id: id })).status).toBe(200);
});

test("the registration token gives access to the counts of jobs and agents", async () => {
  await using scene = await createScene();
  await scene.take();
  const { id } = await scene.hub.submit("commands: []");
  await createScriptedAgent(scene.hub, { name: "idle-agent" });
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
