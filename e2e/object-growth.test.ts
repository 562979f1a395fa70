import { expect, test } from "bun:test";
import { createScene, type Scene } from "./agents.ts";
import type { JobFile } from "./jobs.ts";
import { createObjectCounter, expectNoGrowth } from "./object-counts.ts";

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
  await runJobs(scene, 50, { commands: ["echo hello"] });
  const before = await counter.after(50);
  await runJobs(scene, 100, { commands: ["echo hello"] });
  expectNoGrowth(before, await counter.after(150), 100);
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
