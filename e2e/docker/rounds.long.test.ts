import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { createScene } from "../support/agents.ts";
import { containerJob, createContainerScene, useTestEngine } from "../support/containers.ts";
import { until } from "../support/jobs.ts";

const jobs = 200;
const slots = 2;

useTestEngine();

test("two hundred jobs one after another in two slots leave nothing: no container, network, volume, file or descriptor", async () => {
  await using containers = await createContainerScene();
  await using scene = await createScene();
  const agent = await scene.readyAgent(["--slots", `${slots}`], { env: containers.env });
  const descriptors = () => readdirSync(`/proc/${agent.pid}/fd`).length;
  const runOne = async () => {
    const id = await scene.hub.submit(containerJob(["echo hi"], [{}, { command: "sleep 1000" }]));
    return (await scene.hub.done(id)).result;
  };
  /** Each slot gets a job when it has finished another one. */
  const run = async (count: number) => {
    const inSlot = async () => {
      const results: unknown[] = [];
      while (results.length < count / slots) results.push(await runOne());
      return results;
    };
    return (await Promise.all(Array.from({ length: slots }, inSlot))).flat();
  };
  await run(4);
  const before = descriptors();
  const results = await run(jobs);
  expect(results.filter((result) => result === "passed")).toHaveLength(jobs);
  await until("everything is removed", async () => (await containers.left()).length === 0);
  await until("the agent's descriptors are closed", () => descriptors() <= before);
}, 1_800_000);
