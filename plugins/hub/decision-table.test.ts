import { expect, test } from "bun:test";
import { createScene, shutdown } from "./testing/scene.ts";

test("waiting 1: a disabled agent shuts down as requested, even if it is interrupted and a job is queued", async () => {
  await using scene = await createScene();
  await scene.hub.submit("commands: []");
  await scene.hub.shutdownAgent(scene.agent.name);
  const answer = await scene.agent.sync("waiting-for-jobs", { interrupted_at: scene.nowSeconds });
  expect(answer.json).toMatchObject(shutdown("requested"));
});

test("waiting 2: an interrupted agent shuts down, even if a job is queued; interrupted_at of 0 does not reset this", async () => {
  await using scene = await createScene();
  await scene.hub.submit("commands: []");
  await scene.agent.sync("stopping-job", { interrupted_at: scene.nowSeconds });
  expect((await scene.agent.sync("waiting-for-jobs")).json).toMatchObject(shutdown("interrupted"));
});

test("waiting 3: run-job is repeated when its answer was lost", async () => {
  await using scene = await createScene();
  const { id } = await scene.hub.submit("commands: []");
  await scene.hub.submit("commands: []");
  const run = { action: "run-job", job_id: id };
  expect((await scene.agent.sync("waiting-for-jobs")).json).toMatchObject(run);
  expect((await scene.agent.sync("waiting-for-jobs")).json).toMatchObject(run);
});

test("waiting 4: the oldest queued job is assigned first and is then running", async () => {
  await using scene = await createScene();
  const first = await scene.hub.submit("commands: []");
  await scene.hub.submit("commands: []");
  expect((await scene.agent.sync("waiting-for-jobs")).json).toMatchObject({
    action: "run-job",
    job_id: first.id,
  });
  expect(scene.hub.jobs.map(({ state, agent }) => [state, agent])).toEqual([
    ["running", "scripted-agent"],
    ["queued", undefined],
  ]);
});

test("waiting 4: an agent that returns to waiting gets the next job, and its unreported job is lost", async () => {
  await using scene = await createScene();
  const lost = await scene.take();
  const next = await scene.hub.submit("commands: []");
  expect((await scene.agent.sync("waiting-for-jobs")).json).toMatchObject({
    action: "run-job",
    job_id: next.id,
  });
  expect(scene.hub.job(lost)).toMatchObject({ state: "running", isDone: false });
});

test("waiting 5: an agent without an idle timeout waits forever", async () => {
  await using scene = await createScene();
  await scene.agent.sync("waiting-for-jobs");
  scene.wait(100 * 3_600_000);
  expect((await scene.agent.sync("waiting-for-jobs")).json["action"]).toBe("continue");
});

test("waiting 6: an idle agent shuts down after the idle timeout, counted from its last change of state", async () => {
  await using scene = await createScene({ idle_timeout: 60 });
  scene.wait(50_000);
  expect((await scene.agent.sync("waiting-for-jobs")).json["action"]).toBe("continue");
  scene.wait(59_000);
  expect((await scene.agent.sync("waiting-for-jobs")).json["action"]).toBe("continue");
  scene.wait(1000);
  expect((await scene.agent.sync("waiting-for-jobs")).json).toMatchObject(shutdown("idle"));
});

test("waiting 6: a queued job takes precedence over the idle timeout", async () => {
  await using scene = await createScene({ idle_timeout: 1 });
  await scene.agent.sync("waiting-for-jobs");
  scene.wait(5000);
  await scene.hub.submit("commands: []");
  expect((await scene.agent.sync("waiting-for-jobs")).json["action"]).toBe("run-job");
});

test.each(["starting-job", "stopping-job"])(
  "%s is answered with continue, even after a stop and a shutdown",
  async (state) => {
    await using scene = await createScene();
    const id = await scene.take();
    await scene.hub.stopJob(id);
    await scene.hub.shutdownAgent(scene.agent.name);
    const answer = await scene.agent.sync(state, { job_id: id, interrupted_at: scene.nowSeconds });
    expect(answer.json).toMatchObject({ action: "continue", job_id: "", shutdown_reason: "" });
  },
);

test("running 1: stop-job is repeated until the job is finished", async () => {
  await using scene = await createScene();
  const id = await scene.take();
  await scene.hub.stopJob(id);
  expect(scene.hub.job(id)).toMatchObject({ state: "finished", result: "stopped", isDone: false });
  for (const _ of [1, 2]) {
    expect((await scene.agent.sync("running-job", { job_id: id })).json).toMatchObject({
      action: "stop-job",
      job_id: id,
    });
  }
});

test("running 2: a disabled agent stops its job before it shuts down", async () => {
  await using scene = await createScene();
  const id = await scene.take();
  await scene.hub.shutdownAgent(scene.agent.name);
  expect((await scene.agent.sync("running-job", { job_id: id })).json).toMatchObject({
    action: "stop-job",
    job_id: id,
  });
  const finished = await scene.agent.sync("finished-job", { job_id: id, job_result: "stopped" });
  expect(finished.json).toMatchObject(shutdown("requested"));
});

test("running 3: the job of an interrupted agent is stopped after the grace period", async () => {
  await using scene = await createScene({ interruption_grace_period: 30 });
  const id = await scene.take();
  const running = { job_id: id, interrupted_at: scene.nowSeconds };
  expect((await scene.agent.sync("running-job", running)).json["action"]).toBe("continue");
  scene.wait(29_000);
  expect((await scene.agent.sync("running-job", running)).json["action"]).toBe("continue");
  scene.wait(1000);
  expect((await scene.agent.sync("running-job", running)).json).toMatchObject({
    action: "stop-job",
    job_id: id,
  });
});

test("running 3: without a grace period the job of an interrupted agent is stopped at the next sync", async () => {
  await using scene = await createScene();
  const id = await scene.take();
  const answer = await scene.agent.sync("running-job", { job_id: id, interrupted_at: scene.nowSeconds });
  expect(answer.json["action"]).toBe("stop-job");
});

test("running 4: a running job continues, with twice the sync interval of other answers", async () => {
  await using scene = await createScene({}, { random: () => 0.5 });
  const id = await scene.take();
  expect((await scene.agent.sync("running-job", { job_id: id })).json).toEqual({
    action: "continue",
    job_id: "",
    shutdown_reason: "",
    next_sync_after: 10_000,
  });
  expect((await scene.agent.sync("starting-job", { job_id: id })).json["next_sync_after"]).toBe(5000);
  await scene.hub.stopJob(id);
  expect((await scene.agent.sync("running-job", { job_id: id })).json["next_sync_after"]).toBe(5000);
});

test("running: a disabled agent without a job makes the server panic", async () => {
  await using scene = await createScene();
  await scene.hub.shutdownAgent(scene.agent.name);
  await expect(scene.agent.sync("running-job", { job_id: "x" })).rejects.toThrow();
});
