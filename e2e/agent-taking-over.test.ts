import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createScene, jobProcesses, type Scene } from "./agents.ts";
import { outline, until } from "./jobs.ts";

/** A job that leaves a trace of each run. */
const job = { commands: ["echo -n 1 >> ran", "echo hello"] };

/** It either ran once and passed, or never began and failed with a line that says why: what is reported is what happened. */
async function expectHonesty(scene: Scene, id: string): Promise<void> {
  const view = await scene.hub.done(id);
  await until("the job's process is gone", () => jobProcesses(id).length === 0);
  const runs = (await readFile(path.join(scene.tester.home, "ran"), "utf8").catch(() => "")).length;
  const events = await scene.hub.log(id);
  expect({ result: view.result, runs }).toEqual(
    view.result === "passed" ? { result: "passed", runs: 1 } : { result: "failed", runs: 0 },
  );
  expect(outline(events).at(-1)).toBe(`end ${view.result}`);
  expect(await scene.keptLog(id)).toEqual(events);
}

describe("the agent is killed while the process of a job is still starting", () => {
  test.concurrent("before that process is anywhere: it does not run a job that is reported as failed", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent();
    const id = await scene.hub.submit(job);
    let [pid] = jobProcesses(id);
    for (; pid === undefined; [pid] = jobProcesses(id)) await Bun.sleep(1);
    process.kill(pid, "SIGSTOP");
    // It has its input by then, and nothing else.
    await Bun.sleep(100);
    agent.kill("SIGKILL");
    await agent.finished;
    scene.agent();
    await Bun.sleep(1000);
    process.kill(pid, "SIGCONT");
    await expectHonesty(scene, id);
  });

  test.concurrent("while it loads a plugin that takes its time: the next agent takes it over", async () => {
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
    // Longer than anyone waits for a dead process to go.
    const id = await scene.hub.submit({ commands: [...job.commands, "sleep 11"] });
    await until("the plugin is loading", () => Bun.file(path.join(scene.tester.home, "loading")).exists());
    agent.kill("SIGKILL");
    await agent.finished;
    scene.agent(args);
    await expectHonesty(scene, id);
  });
});

describe("the agent is killed while a job runs", () => {
  test.concurrent("a start with a wrong registration token costs that job nothing", async () => {
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
    await expectHonesty(scene, id);
  });

  test.concurrent("it had been interrupted: the next one reports the job, and stays for others, since nobody has interrupted it", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent(["--interruption-grace-period", "600"]);
    const id = await hub.submit({ commands: [...job.commands, "while [ ! -e go ]; do sleep 0.05; done"] });
    await hub.shows(id, "hello");
    agent.kill("SIGTERM");
    await until("the hub knows", async () => (await hub.agents())[0]?.isInterrupted === true);
    agent.kill("SIGKILL");
    await agent.finished;
    scene.agent(["--interruption-grace-period", "600"]);
    await scene.tester.write("go", "");
    expect((await hub.done(id)).result).toBe("passed");
    const next = await hub.submit({ commands: ["true"] });
    expect((await hub.done(next)).result).toBe("passed");
  });

  test.concurrent("what was damaged on disk is said, and the agent registers anew", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const agent = await scene.readyAgent();
    agent.kill("SIGKILL");
    await agent.finished;
    const spoil = `find ${scene.stateDirectory} -name "registration.json" -exec cp /etc/hostname {} \\;`;
    await tester.exec(["bash", "-c", spoil]);
    const next = await scene.readyAgent();
    expect(next.stdout).toContain("is damaged");
    const id = await hub.submit(job);
    await expectHonesty(scene, id);
  });

  test.concurrent("in the middle of a fetch it hands over: the request is not lost", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent();
    await hub.addFault({ on: "fetch", kind: "delay", delayMs: 500, count: 1 });
    const id = await hub.submit(job);
    await until("it is assigned", async () => (await hub.job(id)).state === "running");
    agent.kill("SIGUSR2");
    expect((await agent.finished).exitCode).toBe(0);
    scene.agent();
    expect((await hub.done(id)).result).toBe("passed");
    await expectHonesty(scene, id);
    expect((await hub.calls()).filter(({ endpoint }) => endpoint === "fetch")).toHaveLength(1);
    expect(await hub.breaches()).toEqual([]);
  });
});
