import { expect, test } from "bun:test";
import { createObjectCounter, expectJobsKeepNothing } from "../support/object-counts.ts";
import { createPodScene } from "./agents.ts";

test("an agent keeps nothing of a job in a pod that has ended", async () => {
  await using pods = await createPodScene();
  const { hub, tester } = pods.scene;
  // The time-out of a call to the cluster's API, 10 s, is an object until it has passed.
  const counter = await createObjectCounter(tester, "agent:job-ended", [10, 40], 12_000);
  await pods.start(["--config-file", counter.config, "--slots", "4"]);
  await expectJobsKeepNothing(counter, [10, 30], async (count) => {
    const job = { commands: ["echo hello"] };
    const ids = await Promise.all(Array.from({ length: count }, () => hub.submit(job)));
    for (const id of ids) expect(await pods.result(id)).toBe("passed");
  });
});
