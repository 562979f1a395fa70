import { describe, expect, test } from "bun:test";
import { mkdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { createRecordingLogger, tmpdir } from "signalman/testing";
import { cleanUp, removeLater } from "./clean-up.ts";
import { createLeftJobs } from "./left-jobs.ts";
import { toNames } from "./pod/names.ts";
import { type Answer, refusal, startApiServer } from "./testing/api-server.ts";

const gone = () => refusal(404, "NotFound", "not found");
const forbidden = () => refusal(403, "Forbidden", "not allowed");
const signal = new AbortController().signal;

describe("the clean-up with the minimal role", () => {
  test("deletes the objects of recorded jobs only, a few at a time", async () => {
    const ids = Array.from({ length: 50 }, (_, index) => `job-${index}`);
    let open = 0;
    let most = 0;
    await using scene = await createScene(async ({ method }) => {
      if (method === "GET") return forbidden();
      most = Math.max(most, (open += 1));
      await Bun.sleep(1);
      open -= 1;
      return gone();
    }, ids);
    await scene.sweep();
    expect(scene.deleted()).toHaveLength(3 * ids.length);
    expect(most).toBeLessThanOrEqual(3 * 4);
    expect(scene.leftJobs.list()).toEqual([]);
    await scene.sweep();
    expect(scene.deleted()).toHaveLength(3 * ids.length);
  });

  test("continues after an error, logs it once and keeps the job for the next start", async () => {
    const broken = toNames("job-3").secret;
    await using scene = await createScene(
      ({ method, path }) => (method === "GET" || path.endsWith(broken) ? forbidden() : gone()),
      ["job-1", "job-2", "job-3", "job-4", "job-5", "job-6", "job-7"],
    );
    await scene.sweep();
    expect(scene.leftJobs.list()).toEqual(["job-3"]);
    const warnings = scene.logger.entries.filter(({ level }) => level === "warn");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]!.message).toContain("the agent tries again at its next start");
  });

  test("spares a job that has started since pods were listed", async () => {
    const running: string[] = [];
    await using scene = await createScene(
      ({ method }) => {
        if (method === "GET") running.push("again");
        return method === "GET" ? forbidden() : gone();
      },
      ["again", "ended"],
    );
    await scene.sweep({ runningJobs: running });
    expect(scene.leftJobs.list()).toEqual(["again"]);
    expect(scene.deleted().join()).not.toContain(toNames("again").pod);
  });

  test("forgets a job after 30 days", async () => {
    await using scene = await createScene(forbidden, ["old", "new"]);
    const past = new Date(Date.now() - 31 * 24 * 3600 * 1000);
    await utimes(join(scene.path, "kubernetes-left-jobs", "old"), past, past);
    await scene.sweep();
    expect(scene.leftJobs.list()).toEqual(["new"]);
  });
});

test("an ended job is recorded until its objects are deleted", async () => {
  const broken = toNames("broken").pod;
  await using scene = await createScene(
    ({ path }) => (path.includes(broken) ? forbidden() : gone()),
    ["broken", "ended"],
  );
  const { client, leftJobs, logger } = scene;
  for (const id of leftJobs.list()) await removeLater(async () => client, id, { signal, logger, leftJobs });
  expect(leftJobs.list()).toEqual(["broken"]);
});

test("a state directory that was removed is not created again", async () => {
  await using place = await tmpdir();
  const leftJobs = createLeftJobs(join(place.path, "removed"));
  expect(leftJobs.list()).toEqual([]);
  expect(() => leftJobs.add("job")).toThrow("ENOENT");
  await mkdir(join(place.path, "removed"));
  leftJobs.add("job");
  expect(leftJobs.list()).toEqual(["job"]);
});

async function createScene(answer: Answer, ids: readonly string[]) {
  const place = await tmpdir();
  const server = startApiServer(answer);
  const leftJobs = createLeftJobs(place.path);
  const logger = createRecordingLogger();
  for (const id of ids) leftJobs.add(id);
  return {
    client: server.client,
    path: place.path,
    leftJobs,
    logger,
    deleted: () => server.received.filter(({ method }) => method === "DELETE").map(({ path }) => path),
    sweep: (more: { runningJobs?: readonly string[] } = {}) =>
      cleanUp(
        async () => server.client,
        { agentId: "test-agent", runningJobs: [], logger, signal, ...more },
        leftJobs,
      ),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}
