import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createScene } from "./agents.ts";
import { outputOf } from "./jobs.ts";

test("an agent collects garbage once a minute while it is idle, and its jobs do not inherit the interval", async () => {
  await using scene = await createScene();
  const agent = await scene.readyAgent();
  const environment = readFileSync(`/proc/${agent.pid}/environ`, "latin1").split("\0");
  expect(environment).toContain("BUN_GC_TIMER_INTERVAL=60000");
  expect(readFileSync(`/proc/${agent.pid}/comm`, "utf8")).toBe("signalman\n");
  const id = await scene.hub.submit({ commands: ["env | grep -c GC_TIMER"] });
  await scene.hub.done(id);
  expect(outputOf(await scene.hub.log(id), "env | grep -c GC_TIMER")).toBe("0\n");
});
