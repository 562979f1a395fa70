import { describe, expect, test } from "bun:test";
import { createScene, jobProcesses, type Scene } from "../support/agents.ts";
import { outline, until } from "../support/jobs.ts";
import { openGates, submitGatedJob, expectJobPasses, removeState } from "../support/gated-job.ts";
import {
  canFail,
  canMount,
  mountFailingDisk,
  mountSmallDisk,
  needsFailing,
  needsMount,
} from "../support/test-disks.ts";

/** The agent that started a process knows how it ended; an agent that resumed the job does not. */
const died =
  /first\n\[signalman: the job's process died;( it was ended by SIGKILL;)? the job is reported as failed\]\n$/;

function killJobProcess(id: string): void {
  for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
}

async function expectFailed(scene: Scene, id: string): Promise<void> {
  expect((await scene.hub.done(id)).result).toBe("failed");
  const lines = outline(await scene.hub.log(id));
  expect(lines.at(-2)).toMatch(died);
  expect(lines.at(-1)).toBe("end failed");
}

/** The disk fails first, and then a process is killed. */
describe("the state's disk", () => {
  const mounted = test.concurrent.if(canMount);

  mounted.each(["fill", "fillInodes"] as const)(
    `is full (%s) when the job's process is killed: the job fails with the reason in its log${needsMount}`,
    async (fill) => {
      await using scene = await createScene();
      await using disk = mountSmallDisk(scene.stateDirectory);
      await scene.readyAgent();
      const id = await submitGatedJob(scene);
      disk[fill]();
      killJobProcess(id);
      await expectFailed(scene, id);
      disk.free();
      await expectJobPasses(scene);
    },
  );

  mounted(
    `is full when the agent and the job's process are killed: the next agent reports the job as failed${needsMount}`,
    async () => {
      await using scene = await createScene();
      await using disk = mountSmallDisk(scene.stateDirectory);
      const agent = await scene.readyAgent();
      const id = await submitGatedJob(scene);
      disk.fill();
      agent.kill("SIGKILL");
      await agent.finished;
      killJobProcess(id);
      scene.agent();
      await expectFailed(scene, id);
      disk.free();
      await expectJobPasses(scene);
    },
  );

  mounted.each([
    ["has space again", true],
    ["is still full", false],
  ])(
    `is full when a job finishes without an agent: its process waits, and the next agent reports the result (the disk %s)${needsMount}`,
    async (_, isFreed) => {
      await using scene = await createScene();
      await using disk = mountSmallDisk(scene.stateDirectory);
      const agent = await scene.readyAgent();
      const id = await submitGatedJob(scene, `echo third ${"x".repeat(8000)}`);
      disk.fill();
      agent.kill("SIGKILL");
      await agent.finished;
      await openGates(scene, 1, 2);
      await until("the fault is logged", async () =>
        (await scene.agentLog()).includes("cannot be kept on disk"),
      );
      if (isFreed) disk.free();
      scene.agent();
      expect((await scene.hub.done(id)).result).toBe("passed");
      expect(outline(await scene.hub.log(id)).at(-1)).toBe("end passed");
      disk.free();
      await expectJobPasses(scene);
    },
  );

  test.concurrent.if(canFail)(
    `is read-only when the job's process is killed: the job fails with the reason in its log${needsFailing}`,
    async () => {
      await using scene = await createScene();
      await using disk = await mountFailingDisk(scene.stateDirectory);
      await scene.readyAgent();
      const id = await submitGatedJob(scene);
      disk.fail();
      killJobProcess(id);
      await expectFailed(scene, id);
    },
  );

  test.concurrent("is removed when the job's process is killed: the job fails, and the next job runs", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    const id = await submitGatedJob(scene);
    await removeState(scene);
    killJobProcess(id);
    expect((await scene.hub.done(id)).result).toBe("failed");
    expect(await scene.agentLog()).toMatch(/level=error .*was removed while it ran/);
    await expectJobPasses(scene);
  });

  test.concurrent("is removed when the job is stopped: the job is reported as stopped, with its log", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    const id = await submitGatedJob(scene);
    await removeState(scene);
    await scene.hub.stopJob(id);
    expect((await scene.hub.done(id)).result).toBe("stopped");
    expect(outline(await scene.hub.log(id)).at(-1)).toBe("end stopped");
  });
});
