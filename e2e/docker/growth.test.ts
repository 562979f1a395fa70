import { expect, test } from "bun:test";
import { createScene } from "../support/agents.ts";
import { containerJob, testEngine, useTestEngine } from "../support/containers.ts";
import { createObjectCounter, expectJobsKeepNothing } from "../support/object-counts.ts";

useTestEngine();

/** The objects of the last two jobs are removed meanwhile. */
const settleMs = 5000;

test("an agent keeps nothing of a job in containers that has ended", async () => {
  await using scene = await createScene();
  const { host } = await testEngine();
  const counter = await createObjectCounter(scene.tester, "agent:job-ended", [10, 40], settleMs);
  const flags = ["--config-file", counter.config, "--slots", "2"];
  await scene.readyAgent(flags, { env: { DOCKER_HOST: host } });
  await expectJobsKeepNothing(counter, [10, 30], async (count) => {
    const job = containerJob(["echo hello"]);
    const ids = await Promise.all(Array.from({ length: count }, () => scene.hub.submit(job)));
    for (const id of ids) expect((await scene.hub.done(id)).result).toBe("passed");
  });
});
