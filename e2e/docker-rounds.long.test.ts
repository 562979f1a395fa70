import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { createScene } from "./agents.ts";
import { closeEngine, containerJob, createContainerScene, testEngine } from "./containers.ts";
import { until } from "./jobs.ts";

const jobs = 200;

beforeAll(async () => {
  await testEngine();
}, 600_000);

afterAll(closeEngine);

test("two hundred jobs one after another in two slots leave nothing: no container, network, volume, file or descriptor", async () => {
  await using containers = await createContainerScene();
  await using scene = await createScene();
  const agent = await scene.readyAgent(["--slots", "2"], { env: containers.env });
  const descriptors = () => readdirSync(`/proc/${agent.pid}/fd`).length;
  const run = async (count: number) => {
    const ids = await Promise.all(
      Array.from({ length: count }, () =>
        scene.hub.submit(containerJob(["echo hi"], [{}, { command: "sleep 1000" }])),
      ),
    );
    return Promise.all(ids.map(async (id) => (await scene.hub.done(id)).result));
  };
  await run(4);
  const before = descriptors();
  const results = await run(jobs);
  expect(results.filter((result) => result === "passed")).toHaveLength(jobs);
  await until("everything is removed", async () => (await containers.left()).length === 0);
  await until("the agent's descriptors are closed", () => descriptors() <= before);
}, 1_800_000);
