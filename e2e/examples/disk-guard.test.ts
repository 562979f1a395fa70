import { expect, test } from "bun:test";
import { inHome } from "../support/agents.ts";
import { createExampleScene } from "./example-plugins.ts";
import { until } from "../support/jobs.ts";

test.concurrent("disk-guard pauses an agent whose disk is too small, and admits one whose disk is not", async () => {
  await using scene = await createExampleScene("disk-guard", { minimum: "8000000GiB", resume: "8000000GiB" });
  const agent = scene.agent(["--config-file", inHome(scene, "operator.json")]);
  const status = async () => (await scene.tester.run(["status", "--state-dir", scene.stateDirectory])).stdout;
  await until("the agent is paused", async () =>
    (await status()).includes("less than 7812.5 TiB are free on /, until"),
  );
  expect(await scene.hub.agents()).toEqual([]);
  agent.kill("SIGTERM");
  expect((await agent.finished).exitCode).toBe(0);

  await using roomy = await createExampleScene("disk-guard", { minimum: 0 });
  await roomy.startAgent();
  const id = await roomy.hub.submit({ commands: ["true"] });
  expect((await roomy.hub.done(id)).result).toBe("passed");
});
