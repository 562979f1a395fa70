import { expect, test } from "bun:test";
import { createHub } from "../../plugins/hub/hub.ts";
import { createScene, type Scene, startAgents } from "../support/agents.ts";
import type { JobFile } from "../support/jobs.ts";
import {
  countHeldObjects,
  createObjectCounter,
  expectJobsKeepNothing,
  expectNoGrowth,
} from "../support/object-counts.ts";

/** Runs jobs one after another, a few at once. */
async function runJobs({ hub }: Scene, count: number, job: JobFile): Promise<void> {
  for (let done = 0; done < count; done += 10) {
    const ids = await Promise.all(Array.from({ length: Math.min(10, count - done) }, () => hub.submit(job)));
    for (const id of ids) expect((await hub.done(id)).result).toBe("passed");
  }
}

test("an agent keeps nothing of a job that has ended", async () => {
  await using scene = await createScene();
  const counter = await createObjectCounter(scene.tester, "agent:job-ended", [50, 150]);
  await scene.readyAgent(["--config-file", counter.config, "--slots", "2"]);
  await expectJobsKeepNothing(counter, [50, 100], (count) =>
    runJobs(scene, count, { commands: ["echo hello"] }),
  );
});

test("a job's process keeps nothing of a command that has ended", async () => {
  await using scene = await createScene();
  const counter = await createObjectCounter(scene.tester, "command:end", [1000, 5000]);
  await scene.readyAgent(["--config-file", counter.config]);
  const counted = "until [ -e $HOME/objects-5000.json ]; do sleep 0.1; done";
  const commands = [...Array<string>(5000).fill("true"), counted];
  const id = await scene.hub.submit({ commands });
  expect((await scene.hub.done(id)).result).toBe("passed");
  expectNoGrowth(await counter.after(1000), await counter.after(5000), 4000);
});

test("a hub keeps no connection, timer or signal of a job that has ended", async () => {
  await using hub = await createHub({ syncIntervalMs: 50 });
  await using _agents = await startAgents(hub, 2);
  const runHubJobs = async (count: number) => {
    const jobs = await Promise.all(
      Array.from({ length: count }, () => hub.submit(JSON.stringify({ commands: ["echo hello"] }))),
    );
    for (const { id } of jobs) expect((await hub.done(id)).result).toBe("passed");
  };
  await runHubJobs(50);
  const before = await countHeldObjects();
  await runHubJobs(100);
  expectNoGrowth(before, await countHeldObjects(), 100);
});
