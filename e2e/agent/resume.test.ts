import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createScene, jobProcesses, type Scene } from "../support/agents.ts";
import { outline, until } from "../support/jobs.ts";

/** A job that records each run in the file `ran`. */
const job = { commands: ["echo -n 1 >> ran", "echo hello"] };

/**
 * Expects that the reported result is what happened: the job ran once and passed, or failed without having
 * run.
 */
async function expectConsistent(scene: Scene, id: string): Promise<void> {
  const view = await scene.hub.done(id);
  await until("the job's process has exited", () => jobProcesses(id).length === 0);
  const runs = (await readFile(path.join(scene.tester.home, "ran"), "utf8").catch(() => "")).length;
  const events = await scene.hub.log(id);
  expect({ result: view.result, runs }).toEqual(
    view.result === "passed" ? { result: "passed", runs: 1 } : { result: "failed", runs: 0 },
  );
  expect(outline(events).at(-1)).toBe(`end ${view.result}`);
  expect(await scene.keptLog(id)).toEqual(events);
}

describe("the agent is killed while a job's process starts", () => {
  test.concurrent("before the process is recorded: it does not run a job that is reported as failed", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent();
    const id = await scene.hub.submit(job);
    let [pid] = jobProcesses(id);
    for (; pid === undefined; [pid] = jobProcesses(id)) await Bun.sleep(1);
    process.kill(pid, "SIGSTOP");
    // The process has its input by then, but has not read it.
    await Bun.sleep(100);
    agent.kill("SIGKILL");
    await agent.finished;
    scene.agent();
    await Bun.sleep(1000);
    process.kill(pid, "SIGCONT");
    await expectConsistent(scene, id);
  });

  test.concurrent("while it loads a slow plugin: the next agent resumes the job", async () => {
    await using scene = await createScene();
    const plugin = await scene.tester.write(
      "slow.ts",
      `import { definePlugin } from "signalman";
       import { writeFileSync } from "node:fs";
       export default definePlugin({
         name: "slow",
         runsIn: ["job"],
         async setup() { writeFileSync("loading", ""); await Bun.sleep(1500); },
       });`,
    );
    const config = await scene.tester.write("slow.json", JSON.stringify({ plugins: { [plugin]: {} } }));
    const args = ["--config-file", config];
    const agent = await scene.readyAgent(args);
    // The job runs longer than an agent waits for a dead process to exit.
    const id = await scene.hub.submit({ commands: [...job.commands, "sleep 11"] });
    await until("the plugin is loading", () => Bun.file(path.join(scene.tester.home, "loading")).exists());
    agent.kill("SIGKILL");
    await agent.finished;
    scene.agent(args);
    await expectConsistent(scene, id);
  });
});

describe("the agent is killed while a job runs", () => {
  test.concurrent("an agent with a wrong registration token does not affect the job", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent();
    const id = await hub.submit({ commands: [...job.commands, "while [ ! -e go ]; do sleep 0.05; done"] });
    await hub.shows(id, "hello");
    agent.kill("SIGKILL");
    await agent.finished;
    const wrong = scene.agent(["--register-attempts", "2"], { env: { SEMAPHORE_AGENT_TOKEN: "mistyped" } });
    expect((await wrong.finished).exitCode).toBe(1);
    scene.agent();
    await scene.tester.write("go", "");
    expect((await hub.done(id)).result).toBe("passed");
    await expectConsistent(scene, id);
  });

  test.concurrent("after it was interrupted: the next agent reports the job and takes further jobs", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent(["--interruption-grace-period", "600"]);
    const id = await hub.submit({ commands: [...job.commands, "while [ ! -e go ]; do sleep 0.05; done"] });
    await hub.shows(id, "hello");
    agent.kill("SIGTERM");
    await until(
      "the hub has recorded the interruption",
      async () => (await hub.agents())[0]?.isInterrupted === true,
    );
    agent.kill("SIGKILL");
    await agent.finished;
    scene.agent(["--interruption-grace-period", "600"]);
    await scene.tester.write("go", "");
    expect((await hub.done(id)).result).toBe("passed");
    const next = await hub.submit({ commands: ["true"] });
    expect((await hub.done(next)).result).toBe("passed");
  });

  test.concurrent("a damaged registration is reported, and the agent registers again", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const agent = await scene.readyAgent();
    agent.kill("SIGKILL");
    await agent.finished;
    const damage = `find ${scene.stateDirectory} -name "registration.json" -exec cp /etc/hostname {} \\;`;
    await tester.exec(["bash", "-c", damage]);
    const next = await scene.readyAgent();
    expect(next.stdout).toContain("is damaged");
    const id = await hub.submit(job);
    await expectConsistent(scene, id);
  });

  test.concurrent("a hand-over during a fetch does not lose the request", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent();
    await hub.addFault({ on: "fetch", kind: "delay", delayMs: 500, count: 1 });
    const id = await hub.submit(job);
    await until("the job is assigned", async () => (await hub.job(id)).state === "running");
    agent.kill("SIGUSR2");
    expect((await agent.finished).exitCode).toBe(0);
    scene.agent();
    expect((await hub.done(id)).result).toBe("passed");
    await expectConsistent(scene, id);
    expect((await hub.calls()).filter(({ endpoint }) => endpoint === "fetch")).toHaveLength(1);
    expect(await hub.violations()).toEqual([]);
  });
});
