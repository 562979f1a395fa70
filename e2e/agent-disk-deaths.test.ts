import { describe, expect, test } from "bun:test";
import { createScene, jobProcesses, type Scene } from "./agents.ts";
import { outline, until } from "./jobs.ts";
import { go, submitParts, worksAgain } from "./jobs-in-parts.ts";
import { canFail, canMount, mountFailing, mountSmall, needsFailing, needsMount } from "./small-disks.ts";

const died = "[signalman: the job's process died; the job is reported as failed]";

function killJobProcess(id: string): void {
  for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
}

async function expectFailed(scene: Scene, id: string): Promise<void> {
  expect((await scene.hub.done(id)).result).toBe("failed");
  const lines = outline(await scene.hub.log(id));
  expect(lines.at(-2)).toEndWith(`first\n${died}\n`);
  expect(lines.at(-1)).toBe("end failed");
}

/** The disk fails first, and then a process dies. */
describe("the state's disk", () => {
  const mounted = test.concurrent.if(canMount);

  mounted.each(["fill", "fillNames"] as const)(
    `has no room (%s) when the job's process is killed: failed, and its log says so${needsMount}`,
    async (fill) => {
      await using scene = await createScene();
      await using disk = mountSmall(scene.stateDirectory);
      await scene.readyAgent();
      const id = await submitParts(scene);
      disk[fill]();
      killJobProcess(id);
      await expectFailed(scene, id);
      disk.free();
      await worksAgain(scene);
    },
  );

  mounted(
    `is full when agent and job's process are killed: the next agent reports it failed${needsMount}`,
    async () => {
      await using scene = await createScene();
      await using disk = mountSmall(scene.stateDirectory);
      const agent = await scene.readyAgent();
      const id = await submitParts(scene);
      disk.fill();
      agent.kill("SIGKILL");
      await agent.finished;
      killJobProcess(id);
      scene.agent();
      await expectFailed(scene, id);
      disk.free();
      await worksAgain(scene);
    },
  );

  mounted.each([
    ["has room again", true],
    ["is still full", false],
  ])(
    `is full when a job ends that has no agent: its process waits, and the next agent has its result (the disk %s)${needsMount}`,
    async (_, isFreed) => {
      await using scene = await createScene();
      await using disk = mountSmall(scene.stateDirectory);
      const agent = await scene.readyAgent();
      const id = await submitParts(scene, `echo third ${"x".repeat(8000)}`);
      disk.fill();
      agent.kill("SIGKILL");
      await agent.finished;
      await go(scene, 1, 2);
      await until("it is said", async () => (await scene.agentLog()).includes("cannot be kept on disk"));
      if (isFreed) disk.free();
      scene.agent();
      expect((await scene.hub.done(id)).result).toBe("passed");
      expect(outline(await scene.hub.log(id)).at(-1)).toBe("end passed");
      disk.free();
      await worksAgain(scene);
    },
  );

  test.concurrent.if(canFail)(
    `is read-only when the job's process is killed: failed, and its log says so${needsFailing}`,
    async () => {
      await using scene = await createScene();
      await using disk = await mountFailing(scene.stateDirectory);
      await scene.readyAgent();
      const id = await submitParts(scene);
      disk.fail();
      killJobProcess(id);
      await expectFailed(scene, id);
    },
  );

  test.concurrent("is removed, and the job's process killed: failed, and the next job runs", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    const id = await submitParts(scene);
    await scene.tester.exec(["rm", "-rf", scene.stateDirectory]);
    killJobProcess(id);
    expect((await scene.hub.done(id)).result).toBe("failed");
    expect(await scene.agentLog()).toMatch(/level=error .*was removed while it ran/);
    await worksAgain(scene);
  });

  test.concurrent("is removed, and the job stopped: it is reported as stopped, with its log", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    const id = await submitParts(scene);
    await scene.tester.exec(["rm", "-rf", scene.stateDirectory]);
    await scene.hub.stopJob(id);
    expect((await scene.hub.done(id)).result).toBe("stopped");
    expect(outline(await scene.hub.log(id)).at(-1)).toBe("end stopped");
  });
});
