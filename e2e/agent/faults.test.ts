import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { FaultRule } from "../../plugins/hub/faults.ts";
import { createScene, type Scene } from "../support/agents.ts";
import { outline } from "../support/jobs.ts";

/** Longer than the agents' `request-timeout`. */
const beyondTimeoutMs = 1500;

const troubles: readonly FaultRule[] = [
  { kind: "delay", delayMs: 300, count: 1 },
  { kind: "delay", delayMs: beyondTimeoutMs, count: 1 },
  { kind: "delay-after", delayMs: beyondTimeoutMs, count: 1 },
  { kind: "drop-before", count: 2 },
  { kind: "drop-after", count: 2 },
  { kind: "cut", count: 2 },
  { kind: "bad-body", count: 2 },
  { kind: "status", status: 503, count: 2 },
  { kind: "status", status: 500, count: 2 },
  { kind: "status", status: 429, count: 1 },
  { kind: "partition", untilMs: 600 },
];

describe("after any fault the job runs once and is reported, and its log is complete", () => {
  test.concurrent.each([
    ["sync/waiting-for-jobs"],
    ["sync/starting-job,sync/running-job"],
    ["sync/finished-job"],
    ["fetch"],
    ["log"],
  ])("%s", async (on) => {
    await using scene = await createScene();
    await scene.readyAgent();
    for (const trouble of troubles) await expectOneRun(scene, { ...trouble, on });
    expect(await scene.hub.agents()).toHaveLength(1);
  });

  test.concurrent("refresh, after the log server has rejected a token", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    for (const trouble of troubles) {
      await scene.hub.addFault({ on: "log", kind: "status", status: 401, count: 2 });
      await expectOneRun(scene, { ...trouble, on: "refresh" });
      expect((await scene.hub.calls()).findLast(({ endpoint }) => endpoint === "refresh")).toBeDefined();
    }
  });

  test.concurrent.each([["register"], ["disconnect"]])("%s", async (on) => {
    await using scene = await createScene();
    for (const trouble of troubles) {
      await scene.hub.addFault({ ...trouble, on });
      const agent = scene.agent(["--disconnect-after-job"]);
      await expectOneRun(scene);
      const { exitCode, stdout } = await agent.finished;
      expect({ trouble, exitCode, reason: /due to: (\w+)/.exec(stdout)?.[1] }).toEqual({
        trouble,
        exitCode: 0,
        reason: "JOB_FINISHED",
      });
      expect(await scene.hub.agents()).toEqual([]);
    }
  });

  test.concurrent.each([1, 2, 3])("random faults, seed %d", async (seed) => {
    await using scene = await createScene();
    const kinds = ["delay-after", "drop-before", "drop-after", "cut", "bad-body", "status"] as const;
    for (const kind of kinds) await scene.hub.addFault({ kind, probability: 0.06, seed, delayMs: 200 });
    const agent = scene.agent(["--name", `agent-of-chaos-${seed}`]);
    for (let job = 0; job < 4; job++) await expectOneRun(scene);
    await scene.hub.clearFaults();
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
  });
});

/** Adds a fault rule, runs a job, and compares the log at the hub with the log on disk. */
async function expectOneRun(scene: Scene, trouble?: FaultRule): Promise<void> {
  const { hub, tester } = scene;
  if (trouble !== undefined) await hub.addFault(trouble);
  const ran = `ran-${Math.random().toString(36).slice(2)}`;
  const command = `for i in 1 2 3 4 5 6; do echo line $i; sleep 0.03; done`;
  const id = await hub.submit({
    env_vars: [{ name: "PLAIN", value: "eA==" }],
    commands: [`echo -n 1 >> ${ran}`, command],
  });
  const { result } = await hub.done(id);
  const events = await hub.log(id);
  const runs = (await readFile(path.join(tester.home, ran), "utf8").catch(() => "")).length;
  const lines = outline(events);
  const isLost = lines.join("\n").includes("that answer was lost");
  expect({ trouble, result, runs, end: lines.at(-1), violations: await hub.violations() }).toEqual({
    trouble,
    result: isLost ? "failed" : "passed",
    runs: isLost ? 0 : 1,
    end: isLost ? "end failed" : "end passed",
    violations: [],
  });
  if (!isLost)
    expect(lines[4]).toBe(`[${command}] 0: ${[1, 2, 3, 4, 5, 6].map((i) => `line ${i}\n`).join("")}`);
  expect(await scene.keptLog(id)).toEqual(events);
  if (trouble !== undefined) await hub.clearFaults();
}
