import { describe, expect, test } from "bun:test";
import { createFakeJobScene, type FakeJobScene } from "./testing/fake-job.ts";

const until = async (condition: () => boolean) => {
  while (!condition()) await Bun.sleep(2);
};
const paths = (scene: FakeJobScene) => scene.callbacks.map((callback) => callback.split(" ", 1)[0]);

describe("the end of a job", () => {
  test("is reported, then its log is archived, then its teardown is reported", async () => {
    await using scene = createFakeJobScene();
    await scene.job.started;
    scene.end("failed");
    await until(() => scene.job.isAnnounced);
    expect(scene.callbacks).toEqual(['/finished Bearer token {"result":"failed"}']);
    scene.job.archived();
    expect(scene.archived).toEqual(["a-job"]);
    expect(scene.isReleased).toBe(false);
    scene.deliver();
    await scene.job.finished;
    expect(scene.callbacks.slice(1)).toEqual(["/teardown Bearer token {}"]);
    expect(scene.isReleased).toBe(true);
    expect(scene.state.size).toBe(0);
    // Who reads the log once more does not bring the record back.
    scene.job.archived();
    expect(scene.state.size).toBe(0);
  });

  test("is reported without a header when the request has no token", async () => {
    await using scene = createFakeJobScene({ token: "" });
    scene.end("passed");
    await until(() => scene.job.isAnnounced);
    expect(scene.callbacks).toEqual(['/finished - {"result":"passed"}']);
  });

  test("is reported again until the answer is 2xx, also after a redirect and a refusal", async () => {
    await using scene = createFakeJobScene({ attempts: 1000 });
    for (const status of [500, 404, 301]) {
      scene.status = status;
      const count = scene.callbacks.length;
      scene.end("passed");
      await until(() => scene.callbacks.length > count + 1);
    }
    expect(scene.job.isAnnounced).toBe(false);
    scene.status = 204;
    await until(() => scene.job.isAnnounced);
  });

  test("that cannot be reported ends the teardown", async () => {
    await using scene = createFakeJobScene({ attempts: 2 });
    scene.status = 503;
    scene.end("passed");
    await scene.job.finished;
    expect(paths(scene)).toEqual(["/finished", "/finished"]);
    expect(scene.job.isAnnounced).toBe(false);
    expect(scene.isLost).toBe(true);
    expect(scene.isReleased).toBe(true);
  });

  test("is not reported by callbacks when the log is pushed", async () => {
    await using scene = createFakeJobScene({ method: "push" });
    scene.end("passed");
    scene.deliver();
    await scene.job.finished;
    expect(scene.callbacks).toEqual([]);
    expect(scene.isReleased).toBe(true);
  });
});

describe("a further process", () => {
  test("does not report a result twice", async () => {
    const record = { jobId: "a-job", isAnnounced: true, isArchived: true };
    await using scene = createFakeJobScene({ record });
    expect(scene.archived).toEqual(["a-job"]);
    scene.end("passed");
    scene.deliver();
    await scene.job.finished;
    expect(paths(scene)).toEqual(["/teardown"]);
  });

  test("finds what an earlier one has reported", async () => {
    await using scene = createFakeJobScene();
    scene.end("passed");
    await until(() => scene.job.isAnnounced);
    scene.job.archived();
    expect([...scene.state.values()]).toEqual([{ jobId: "a-job", isAnnounced: true, isArchived: true }]);
  });
});

describe("an agent that is told to exit", () => {
  test("does not wait for the archive of a reported job", async () => {
    await using scene = createFakeJobScene();
    scene.interrupt.abort();
    scene.end("passed");
    await scene.job.finished;
    expect(paths(scene)).toEqual(["/finished", "/teardown"]);
    expect(scene.isLost).toBe(true);
  });

  test("leaves a job that it cannot report to the next process", async () => {
    await using scene = createFakeJobScene({ attempts: 1000 });
    scene.status = 500;
    scene.end("passed");
    await until(() => scene.callbacks.length > 0);
    scene.leave.abort();
    await scene.job.finished;
    expect(scene.isReleased).toBe(false);
    expect(scene.isLost).toBe(false);
    expect(scene.state.size).toBe(1);
  });
});

describe("a stop", () => {
  test("before the job has started stops it, and its result is stopped", async () => {
    await using scene = createFakeJobScene();
    scene.job.stop();
    await scene.job.started;
    expect(scene.stops).toBe(1);
    scene.end("failed");
    await until(() => scene.job.isAnnounced);
    expect(scene.callbacks).toEqual(['/finished Bearer token {"result":"stopped"}']);
  });

  test("of a running job is passed on", async () => {
    await using scene = createFakeJobScene();
    await scene.job.started;
    scene.job.stop();
    scene.job.stop();
    expect(scene.stops).toBe(2);
  });
});

test("a job that cannot be started rejects and sends nothing", async () => {
  await using scene = createFakeJobScene({ isBroken: true });
  await expect(scene.job.started).rejects.toThrow("the disk is full");
  await scene.job.finished;
  expect(scene.callbacks).toEqual([]);
});
