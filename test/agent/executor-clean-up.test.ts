import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createExecutorCleanUp } from "../../src/agent/executor-clean-up.ts";
import { listRunningLeftJobs } from "../../src/agent/running-left-jobs.ts";
import type { CleanUpContext, ExecutorFactory } from "../../src/core/contracts/executor.ts";
import { definePlugin } from "../../src/core/contracts/plugin.ts";
import { executor } from "../../src/core/contracts/services.ts";
import { createHost } from "../../src/core/host/host.ts";
import type { JobProcessRecord } from "../../src/job/state/job-files.ts";
import { readDocument, writeDocument } from "../../src/os/state/document.ts";
import { takeLock } from "../../src/os/state/lock.ts";
import { createRecordingLogger, dummyExecutor, tmpdir } from "../../src/testing/index.ts";
import { createSlot, delivery, request, toStory } from "./fixtures.ts";

describe("when a job's process dies", () => {
  test("the executor cleans up after the log is closed and before the result is reported", async () => {
    const order: string[] = [];
    await using slot = await createSlot({
      async cleanUp({ id }) {
        await until(() => toStory(slot.received).at(-1) === "failed");
        order.push(`cleaned up ${id}`);
      },
      setup: (ctx) => ctx.hook("agent:job-ended", ({ jobId }) => void order.push(`ended ${jobId}`)),
    });
    const wanted = request("echo begun; sleep 600");
    const job = await slot.again().start(wanted, delivery);
    await until(() => slot.received.some((event) => event.event === "cmd_output"));
    const record = readDocument<JobProcessRecord>(join(slot.path, "jobs", wanted.id, "process.json"))!;
    process.kill(record.pid, "SIGKILL");
    expect((await job.done).summary.result).toBe("failed");
    expect(order).toEqual([`cleaned up ${wanted.id}`, `ended ${wanted.id}`]);
  });

  test("a job that ended by itself, or failed by its command, needs no cleanup", async () => {
    let calls = 0;
    await using slot = await createSlot({ cleanUp: async () => void (calls += 1) });
    const job = await slot.again().start(request("exit 3"), delivery);
    expect((await job.done).summary.result).toBe("failed");
    expect(calls).toBe(0);
  });

  test("an agent that takes over a job with a result cleans up as well: an earlier one may have died before", async () => {
    const cleaned: string[] = [];
    await using slot = await createSlot({ cleanUp: async ({ id }) => void cleaned.push(id) });
    const wanted = request("true");
    await (
      await slot.again().start(wanted, delivery)
    ).done;
    expect(cleaned).toEqual([]);
    const job = await slot.again().left[0]!.claim(delivery);
    expect((await job.done).summary.result).toBe("passed");
    expect(cleaned).toEqual([wanted.id]);
  });

  test("the executor that ran the job is called, with the job's id and the other running jobs", async () => {
    await using scene = await createScene({ shell: {}, docker: {} });
    const { cleanUp, calls } = scene;
    const wanted = { ...request("true"), executor: "dockercompose" };
    scene.running.push(wanted.id, "other");
    await cleanUp.cleanUpJob(wanted, scene.logger);
    expect(calls).toEqual([{ name: "docker", jobId: wanted.id, agentId: "agent-1", runningJobs: ["other"] }]);
  });

  test("an executor that takes all jobs is called whatever the job asked for", async () => {
    await using scene = await createScene({ shell: {}, sandbox: { takesAllJobs: true } });
    await scene.cleanUp.cleanUpJob(request("true"), scene.logger);
    expect(scene.calls).toMatchObject([{ name: "sandbox" }]);
  });

  test("an executor that has no cleanup, or that this process does not know, is skipped", async () => {
    await using scene = await createScene({ docker: {} });
    await scene.cleanUp.cleanUpJob({ ...request("true"), executor: "unknown" }, scene.logger);
    expect(scene.calls).toEqual([]);
    expect(scene.logger.entries).toEqual([]);
  });

  test("a cleanup that fails is logged, and the job is reported nevertheless", async () => {
    await using scene = await createScene({ docker: { fails: true } });
    await scene.cleanUp.cleanUpJob({ ...request("true"), executor: "docker" }, scene.logger);
    expect(scene.logger.entries).toMatchObject([
      { level: "error", message: expect.stringMatching(/^executor cleanup failed, .*no daemon/) },
    ]);
  });
});

describe("when an agent starts", () => {
  test("every executor cleans up, a failure of one is logged and does not stop the others", async () => {
    await using scene = await createScene({ docker: { fails: true }, pods: {} });
    scene.running.push("alive");
    await scene.cleanUp.cleanUpEarlierJobs(scene.logger, new AbortController().signal);
    expect(scene.calls).toEqual([
      { name: "docker", jobId: undefined, agentId: "agent-1", runningJobs: ["alive"] },
      { name: "pods", jobId: undefined, agentId: "agent-1", runningJobs: ["alive"] },
    ]);
    expect(scene.logger.entries).toMatchObject([{ level: "error", fields: { executor: "docker" } }]);
  });

  test("a job that starts during the cleanup is among the running jobs", async () => {
    const listed = Promise.withResolvers<void>();
    await using scene = await createScene({ docker: { before: listed.promise } });
    const done = scene.cleanUp.cleanUpEarlierJobs(scene.logger, new AbortController().signal);
    scene.running.push("new");
    listed.resolve();
    await done;
    expect(scene.calls).toMatchObject([{ runningJobs: ["new"] }]);
  });

  test("left jobs whose processes hold their locks are running, in every slot; released and dead ones are not", async () => {
    await using place = await tmpdir();
    const slot = (index: number) => join(place.path, `slot-${index}`);
    const put = (index: number, id: string, files: readonly string[]) => {
      const directory = join(slot(index), "jobs", id);
      mkdirSync(directory, { recursive: true });
      for (const name of files) writeDocument(join(directory, name), {});
      return join(directory, "lock");
    };
    using _alive = takeLock(put(0, "alive", ["request.json"]));
    using _other = takeLock(put(3, "other", ["request.json"]));
    using _released = takeLock(put(0, "released", []));
    put(0, "dead", ["request.json"]);
    mkdirSync(slot(4));
    expect(listRunningLeftJobs({ slot, slots: () => [0, 3, 4] })).toEqual(["alive", "other"]);
  });
});

interface Double {
  readonly takesAllJobs?: boolean;
  readonly fails?: boolean;
  readonly before?: Promise<void>;
}

interface CleanUpCall extends Omit<CleanUpContext, "jobId" | "logger" | "signal"> {
  readonly name: string;
  readonly jobId: string | undefined;
}

/** A host whose executors record their cleanups; one named `shell` has none. */
async function createScene(doubles: Readonly<Record<string, Double>>) {
  const logger = createRecordingLogger();
  const running: string[] = [];
  const calls: CleanUpCall[] = [];
  const toFactory = (name: string, { takesAllJobs, fails, before }: Double): ExecutorFactory => ({
    create: dummyExecutor.create,
    ...(takesAllJobs && { takesAllJobs }),
    ...(name !== "shell" && {
      async cleanUp(context) {
        await before;
        const { jobId, agentId, runningJobs } = context;
        calls.push({ name, jobId, agentId, runningJobs });
        if (fails) throw new Error("no daemon");
      },
    }),
  });
  const plugin = definePlugin({
    name: "doubles",
    setup(ctx) {
      for (const [name, double] of Object.entries(doubles))
        ctx.provide(executor, name, toFactory(name, double));
    },
  });
  const host = await createHost({
    plugins: [{ plugin, config: {}, origin: { kind: "built-in" } }],
    roles: ["agent"],
    logger,
  });
  const cleanUp = createExecutorCleanUp({
    host,
    agentId: "agent-1",
    executors: { dockercompose: "docker" },
    runningJobs: () => running,
  });
  return { logger, running, calls, cleanUp, [Symbol.asyncDispose]: () => host[Symbol.asyncDispose]() };
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 60_000; !condition(); await Bun.sleep(10)) {
    if (performance.now() > deadline) throw new Error("the condition was not met within a minute");
  }
}
