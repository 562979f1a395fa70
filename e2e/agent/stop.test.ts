import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createScene, waitForExit, type Scene } from "../support/agents.ts";
import { findProcesses, outline, uniqueSeconds } from "../support/jobs.ts";

/** Expects that no command or epilogue ran after the stop and that no process is left. */
async function expectStopped(scene: Scene, id: string, word: string): Promise<string[]> {
  const view = await scene.hub.done(id);
  expect(view.result).toBe("stopped");
  const finished = (await scene.hub.calls()).findLast(({ endpoint }) => endpoint === "sync/finished-job");
  expect(finished?.body).toMatchObject({ job_id: id, job_result: "stopped" });
  const events = await scene.hub.log(id);
  const lines = outline(events);
  expect(lines.at(-1)).toBe("end stopped");
  expect(await scene.keptLog(id)).toEqual(events);
  expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
  await waitForExit(word);
  expect(await scene.hub.violations()).toEqual([]);
  return lines.slice(1);
}

const never = [{ directive: "touch never" }];
const epilogues = {
  epilogue_always_commands: never,
  epilogue_on_pass_commands: never,
  epilogue_on_fail_commands: never,
};

describe("a stop by the user", () => {
  test.concurrent("while a command runs: the command has exit code 1, no epilogue runs, no process is left, and the agent takes the next job", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await scene.readyAgent();
    const word = uniqueSeconds();
    const command = `(setsid sleep ${word} &); echo started; sleep ${word}; touch never`;
    const id = await hub.submit({ commands: [command, "touch never"], ...epilogues });
    await hub.shows(id, "started");
    expect(findProcesses(word).length).toBeGreaterThan(0);
    await hub.stopJob(id);
    expect((await expectStopped(scene, id, word)).at(-2)).toBe(`[${command}] 1: started\n`);
    const next = await hub.submit({ commands: ["true"] });
    expect((await hub.done(next)).result).toBe("passed");
  });

  test.concurrent("before the job is assigned: it is never fetched", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const id = await hub.submit({ commands: ["touch never"] });
    await hub.stopJob(id);
    await scene.readyAgent();
    const next = await hub.submit({ commands: ["true"] });
    expect((await hub.done(next)).result).toBe("passed");
    expect((await hub.calls()).filter(({ endpoint, jobId }) => endpoint === "fetch" && jobId === id)).toEqual(
      [],
    );
    expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
  });

  test.concurrent("while the request is fetched: the job is reported, and the agent takes the next job", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await scene.readyAgent();
    await hub.addFault({ on: "fetch", kind: "delay", delayMs: 600, count: 1 });
    const word = uniqueSeconds();
    const id = await hub.submit({ commands: [`sleep ${word}; touch never`, "touch never"], ...epilogues });
    while ((await hub.job(id)).state !== "running") await Bun.sleep(10);
    await hub.stopJob(id);
    const view = await hub.done(id);
    expect(view.result).toBe("stopped");
    const next = await hub.submit({ commands: ["true"] });
    expect((await hub.done(next)).result).toBe("passed");
    expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
    await waitForExit(word);
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("while the pre-job hook runs", async () => {
    await using scene = await createScene();
    const word = uniqueSeconds();
    const hook = await scene.tester.write("pre.sh", `echo hooking; sleep ${word}; touch never\n`);
    await scene.readyAgent(["--pre-job-hook-path", hook]);
    const id = await scene.hub.submit({ commands: ["touch never"], ...epilogues });
    await scene.hub.shows(id, "hooking");
    await scene.hub.stopJob(id);
    const lines = await expectStopped(scene, id, word);
    expect(lines.at(-2)).toStartWith("[Running the pre-job hook configured in the agent] 1: ");
  });

  test.concurrent("while an epilogue runs: the result becomes stopped", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    const word = uniqueSeconds();
    const id = await scene.hub.submit({
      commands: ["true"],
      epilogue_always_commands: [{ directive: `echo cleaning; sleep ${word}` }, ...never],
      epilogue_on_pass_commands: never,
    });
    await scene.hub.shows(id, "cleaning");
    await scene.hub.stopJob(id);
    expect((await expectStopped(scene, id, word)).at(-2)).toBe(
      `[echo cleaning; sleep ${word}] 1: cleaning\n`,
    );
  });

  test.concurrent("of a job that ignores SIGTERM: it is killed after the grace period", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    const word = uniqueSeconds();
    const command = `trap '' TERM INT HUP; (trap '' TERM; exec setsid sleep ${word}) & echo started; sleep ${word}; touch never`;
    const id = await scene.hub.submit({ commands: [command], ...epilogues });
    await scene.hub.shows(id, "started");
    await scene.hub.stopJob(id);
    await expectStopped(scene, id, word);
  });

  test.concurrent("the post-job hook runs after the stop, with the job's variables", async () => {
    await using scene = await createScene();
    const word = uniqueSeconds();
    const hook = await scene.tester.write("post.sh", "echo post $MINE; echo $MINE > post\n");
    await scene.readyAgent(["--post-job-hook-path", hook]);
    const id = await scene.hub.submit({
      env_vars: [{ name: "MINE", value: btoa("of-the-job") }],
      commands: [`echo started; sleep ${word}`],
    });
    await scene.hub.shows(id, "started");
    await scene.hub.stopJob(id);
    const lines = await expectStopped(scene, id, word);
    expect(lines.at(-2)).toBe(
      `[Running the post-job hook configured in the agent] 0: Running: bash ${hook}\npost of-the-job\n`,
    );
    expect(await readFile(path.join(scene.tester.home, "post"), "utf8")).toBe("of-the-job\n");
  });

  test.concurrent.each([0, 30, 80, 150, 250, 400])(
    "%d ms after the job was submitted: it is reported as stopped",
    async (afterMs) => {
      await using scene = await createScene();
      const { hub } = scene;
      await scene.readyAgent();
      const word = uniqueSeconds();
      const id = await hub.submit({
        commands: ["true", "true", `sleep ${word}`, "touch never"],
        ...epilogues,
      });
      await Bun.sleep(afterMs);
      await hub.stopJob(id);
      expect((await hub.done(id)).result).toBe("stopped");
      const next = await hub.submit({ commands: ["true"] });
      expect((await hub.done(next)).result).toBe("passed");
      expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
      await waitForExit(word);
      expect(await hub.violations()).toEqual([]);
    },
  );
});
