import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createScene, waitForExit, type Scene } from "../support/agents.ts";
import { findProcesses, outline, uniqueSeconds, until } from "../support/jobs.ts";

const reasonOf = (stdout: string) => /Agent shutting down due to: (\w+)/.exec(stdout)?.[1];

/** Submits a job that runs for an hour unless it is stopped. */
async function submitLong(scene: Scene) {
  const seconds = uniqueSeconds();
  const command = `echo started; sleep ${seconds}; touch deployed`;
  const id = await scene.hub.submit({
    commands: [command, "touch deployed"],
    epilogue_always_commands: ["touch deployed"],
    epilogue_on_fail_commands: ["touch deployed"],
  });
  await scene.hub.shows(id, "started");
  return { id, seconds, command };
}

async function expectStopped(scene: Scene, { id, seconds, command }: Awaited<ReturnType<typeof submitLong>>) {
  const { hub, tester } = scene;
  expect((await hub.done(id)).result).toBe("stopped");
  const events = await hub.log(id);
  expect(outline(events).slice(3)).toEqual([`[${command}] 1: started\n`, "end stopped"]);
  expect(await scene.keptLog(id)).toEqual(events);
  expect(existsSync(path.join(tester.home, "deployed"))).toBe(false);
  await waitForExit(seconds);
  expect(await hub.violations()).toEqual([]);
}

describe("SIGTERM", () => {
  test.concurrent("once with a job and no grace period: the hub stops the job, and the agent exits with status 0", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent();
    const job = await submitLong(scene);
    agent.kill("SIGTERM");
    const { exitCode, stdout } = await agent.finished;
    expect({ exitCode, reason: reasonOf(stdout) }).toEqual({ exitCode: 0, reason: "INTERRUPTED" });
    await expectStopped(scene, job);
    expect(await scene.hub.agents()).toEqual([]);
  });

  test.concurrent("once with a grace period: the job runs to its end, and no other job is taken", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent(["--interruption-grace-period", "600"]);
    const id = await hub.submit({
      commands: ["echo started; while [ ! -e go ]; do sleep 0.05; done; echo over"],
    });
    await hub.shows(id, "started");
    const next = await hub.submit({ commands: ["touch never"] });
    agent.kill("SIGTERM");
    await until(
      "the hub has recorded the interruption",
      async () => (await hub.agents())[0]?.isInterrupted === true,
    );
    await scene.tester.write("go", "");
    expect((await agent.finished).exitCode).toBe(0);
    expect((await hub.job(id)).result).toBe("passed");
    expect((await hub.job(next)).state).toBe("queued");
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("the job is stopped after the grace period", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent(["--interruption-grace-period", "1"]);
    const job = await submitLong(scene);
    agent.kill("SIGINT");
    expect((await agent.finished).exitCode).toBe(0);
    await expectStopped(scene, job);
  });

  test.concurrent("twice: the agent stops the job itself, without waiting for the grace period, and reports it", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent(["--interruption-grace-period", "600"]);
    const job = await submitLong(scene);
    agent.kill("SIGTERM");
    await until(
      "the hub has recorded the interruption",
      async () => (await scene.hub.agents())[0]?.isInterrupted === true,
    );
    agent.kill("SIGTERM");
    const { exitCode, stdout } = await agent.finished;
    expect({ exitCode, reason: reasonOf(stdout) }).toEqual({ exitCode: 0, reason: "INTERRUPTED" });
    await expectStopped(scene, job);
  });

  test.concurrent("three times: a job that ignores signals is killed, and the agent exits with status 1; the next agent reports the job", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const config = ["--interruption-grace-period", "600", "--stop-grace-period", "600"];
    const agent = await scene.readyAgent(config);
    const seconds = uniqueSeconds();
    const command = `trap '' TERM INT HUP; (trap '' TERM; sleep ${seconds}) & echo started; sleep ${seconds}; touch deployed`;
    const id = await hub.submit({ commands: [command] });
    await hub.shows(id, "started");
    agent.kill("SIGTERM");
    await until(
      "the hub has recorded the interruption",
      async () => (await hub.agents())[0]?.isInterrupted === true,
    );
    agent.kill("SIGTERM");
    await Bun.sleep(300);
    expect(findProcesses(seconds)).not.toEqual([]);
    agent.kill("SIGTERM");
    const { exitCode, stdout } = await agent.finished;
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/second interrupt: .*\n.*third interrupt: /);
    await waitForExit(seconds);
    expect(existsSync(path.join(scene.tester.home, "deployed"))).toBe(false);
    scene.agent();
    expect((await hub.done(id)).result).toBe("stopped");
    expect(await hub.log(id)).toEqual(await scene.keptLog(id));
  });

  test.concurrent("during an outage: an idle agent exits, a busy agent stops its job and keeps the result", async () => {
    await using scene = await createScene({ isPersistent: true });
    const { hub } = scene;
    const agent = await scene.readyAgent(["--interrupt-give-up", "1"]);
    const job = await submitLong(scene);
    await hub.stop("SIGKILL");
    agent.kill("SIGTERM");
    await agent.finished;
    await waitForExit(job.seconds);
    const idle = scene.agent([], {
      env: { SEMAPHORE_AGENT_STATE_DIR: path.join(scene.tester.home, "other") },
    });
    await idle.shows("Registering Agent");
    idle.kill("SIGTERM");
    expect((await idle.finished).exitCode).toBe(0);
    await hub.start();
    await scene.readyAgent();
    await expectStopped(scene, job);
  });

  test.concurrent("before the hub has answered a registration: the agent exits with status 0", async () => {
    await using scene = await createScene();
    await scene.hub.addFault({ on: "register", kind: "partition" });
    const agent = scene.agent();
    await agent.shows("Registering Agent");
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
  });
});

describe("SIGQUIT", () => {
  test.concurrent("drains: the job runs to its end, no other job is taken, and the agent exits with status 0", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent();
    const id = await hub.submit({
      commands: ["echo started; while [ ! -e go ]; do sleep 0.05; done; echo over"],
    });
    await hub.shows(id, "started");
    agent.kill("SIGQUIT");
    await Bun.sleep(300);
    await scene.tester.write("go", "");
    const { exitCode, stdout } = await agent.finished;
    expect({ exitCode, reason: reasonOf(stdout) }).toEqual({ exitCode: 0, reason: "REQUESTED" });
    expect((await hub.job(id)).result).toBe("passed");
    expect(await hub.agents()).toEqual([]);
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("an idle agent exits at once", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent();
    agent.kill("SIGQUIT");
    const { exitCode, stdout } = await agent.finished;
    expect({ exitCode, reason: reasonOf(stdout) }).toEqual({ exitCode: 0, reason: "REQUESTED" });
    expect(await scene.hub.agents()).toEqual([]);
  });
});

describe("SIGUSR2", () => {
  test.concurrent("hands a running job over: the agent exits with status 0 without a sync, and the next agent resumes the job", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const hook = await scene.tester.write("hook.sh", "touch hooked\n");
    const agent = await scene.readyAgent(["--shutdown-hook-path", hook]);
    const loop = "for i in $(seq 40); do echo line $i; sleep 0.03; done";
    const id = await hub.submit({ commands: ["echo -n 1 >> ran", loop] });
    await hub.shows(id, "line 5");
    agent.kill("SIGUSR2");
    const { exitCode, stdout } = await agent.finished;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/handed over: running jobs continue and wait \d+ s for the next agent process/);
    const [row] = await hub.agents();
    expect(row).toMatchObject({ jobId: id, isInterrupted: false, isDisconnected: false });
    expect(existsSync(path.join(scene.tester.home, "hooked"))).toBe(false);
    const next = scene.agent();
    expect((await hub.done(id)).result).toBe("passed");
    const events = await hub.log(id);
    expect(outline(events)[4]).toBe(
      `[${loop}] 0: ${Array.from({ length: 40 }, (_, i) => `line ${i + 1}\n`).join("")}`,
    );
    expect(await scene.keptLog(id)).toEqual(events);
    expect(await readFile(path.join(scene.tester.home, "ran"), "utf8")).toBe("1");
    expect((await hub.calls()).filter(({ endpoint }) => endpoint === "register")).toHaveLength(1);
    expect(await hub.violations()).toEqual([]);
    next.kill("SIGTERM");
    expect((await next.finished).exitCode).toBe(0);
  });

  test.concurrent("an idle registration is resumed by the next agent, under the same name", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent();
    agent.kill("SIGUSR2");
    expect((await agent.finished).exitCode).toBe(0);
    const [before] = await scene.hub.agents();
    await scene.readyAgent();
    const after = await scene.hub.agents();
    expect(after.map(({ name }) => name)).toEqual([before!.name]);
    const id = await scene.hub.submit({ commands: ["true"] });
    expect((await scene.hub.done(id)).result).toBe("passed");
  });
});
