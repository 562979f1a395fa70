import { describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { AgentStatus } from "../../src/core/contracts/agent-status.ts";
import { createScene, waitForFile, waitForExit, type Scene } from "../support/agents.ts";
import { outline, outputOf, until } from "../support/jobs.ts";
import { runsAsJobUser } from "../support/job-user.ts";

const folderOf = async (scene: Scene): Promise<string> => {
  const [folder] = await readdir(path.join(scene.stateDirectory, "agents"));
  return path.join(scene.stateDirectory, "agents", folder!);
};

const statusOf = async (scene: Scene): Promise<AgentStatus[]> => {
  const { stdout } = await scene.tester.run(["status", "--json", "--state-dir", scene.stateDirectory]);
  return JSON.parse(stdout) as AgentStatus[];
};

const registered = (scene: Scene, count: number) =>
  until(`${count} agents are registered`, async () => (await scene.hub.agents()).length === count);

describe("an agent with several slots", () => {
  // With `shell-user` the homes are those of the users.
  test.concurrent.if(!runsAsJobUser)(
    "registers each slot as an agent with its own home and runs a job in each",
    async () => {
      await using scene = await createScene();
      const { hub, tester } = scene;
      const hook = await tester.write("hook.sh", "echo $SEMAPHORE_AGENT_SHUTDOWN_REASON >> $PWD/reasons\n");
      await tester.write(".bash_profile", "export FROM_PROFILE=$HOME\n");
      const agent = await scene.readyAgent([
        "--slots",
        "3",
        "--name",
        "agent-of-three",
        "--shutdown-hook-path",
        hook,
      ]);
      await registered(scene, 3);
      expect((await hub.agents()).map(({ name }) => name).toSorted()).toEqual([
        "agent-of-three-1",
        "agent-of-three-2",
        "agent-of-three-3",
      ]);
      const meet = `touch ${tester.home}/$SEMAPHORE_JOB_ID.here; while [ $(ls ${tester.home}/*.here | wc -l) -lt 3 ]; do sleep 0.05; done`;
      const commands = ["echo $HOME; pwd; echo $FROM_PROFILE", "touch ~/mine; ls -1", meet];
      const files = [{ path: "~/injected", content: "eA==", mode: "0600" }];
      const ids = await Promise.all([1, 2, 3].map(() => hub.submit({ commands, files })));
      const views = await Promise.all(ids.map((id) => hub.done(id)));
      expect(views.map(({ result }) => result)).toEqual(["passed", "passed", "passed"]);
      const homes = await Promise.all(ids.map(async (id) => outputOf(await hub.log(id), commands[0]!)));
      const folder = await folderOf(scene);
      expect(homes.toSorted()).toEqual(
        [0, 1, 2].map((slot) => {
          const home = path.join(folder, `slot-${slot}`, "home");
          return `${home}\n${home}\n${tester.home}\n`;
        }),
      );
      for (const id of ids)
        expect(outputOf(await hub.log(id), "touch ~/mine; ls -1")).toBe("injected\nmine\n");
      expect(await hub.violations()).toEqual([]);

      agent.kill("SIGTERM");
      const { exitCode, stdout } = await agent.finished;
      expect(exitCode).toBe(0);
      expect(stdout.match(/Agent shutting down due to: INTERRUPTED/g)).toHaveLength(1);
      expect(await readFile(path.join(tester.home, "reasons"), "utf8")).toBe("INTERRUPTED\n");
      expect(await hub.agents()).toEqual([]);
    },
  );

  test.concurrent("can share the user's home", async () => {
    await using scene = await createScene();
    await scene.readyAgent(["--slots", "2", "--slot-home", "shared"]);
    const id = await scene.hub.submit({ commands: ["echo $HOME; pwd"] });
    await scene.hub.done(id);
    const { home } = scene.tester;
    expect(outputOf(await scene.hub.log(id), "echo $HOME; pwd")).toBe(`${home}\n${home}\n`);
  });

  test.concurrent("continues when a slot's job is stopped, or when a slot shuts down or is removed; it then exits with status 1", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const hook = await tester.write("hook.sh", "echo $SEMAPHORE_AGENT_SHUTDOWN_REASON >> $PWD/reasons\n");
    const agent = await scene.readyAgent([
      "--slots=3",
      "--name=agent-of-three",
      "--gone-give-up=0",
      `--shutdown-hook-path=${hook}`,
    ]);
    await registered(scene, 3);
    const long = `echo started; touch ${tester.home}/$SEMAPHORE_JOB_ID.here; while [ ! -e ${tester.home}/go ]; do sleep 0.05; done`;
    const stopped = await hub.submit({ commands: [long] });
    const going = await hub.submit({ commands: [long] });
    await waitForFile(path.join(tester.home, `${stopped}.here`));
    await waitForFile(path.join(tester.home, `${going}.here`));
    await hub.stopJob(stopped);
    expect((await hub.done(stopped)).result).toBe("stopped");

    const idle = (await statusOf(scene))[0]!.slots.filter(({ state }) => state === "waiting");
    expect(idle).toHaveLength(2);
    await hub.shutdownAgent(idle[0]!.name!);
    await registered(scene, 2);
    await hub.addFault({ on: "sync/waiting-for-jobs", kind: "status", status: 404 });
    await until("a slot is unable to sync", async () =>
      (await statusOf(scene))[0]!.slots.some(({ reason }) => reason === "unable-to-sync"),
    );
    const [left] = await statusOf(scene);
    expect(left!.slots.map(({ state }) => state).toSorted()).toEqual(["left", "left", "running"]);
    await hub.clearFaults();

    await tester.write("go", "");
    expect((await hub.done(going)).result).toBe("passed");
    agent.kill("SIGTERM");
    const { exitCode, stdout } = await agent.finished;
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(
      / slot=\d : slot disconnected \(reason: requested\); it takes no jobs until the agent is restarted\n/,
    );
    expect(stdout).toMatch(
      / level=warn slot=\d : slot disconnected \(reason: unable-to-sync\); it takes no jobs until the agent is restarted\n/,
    );
    expect(stdout).toContain("Agent shutting down due to: INTERRUPTED");
    expect(await readFile(path.join(tester.home, "reasons"), "utf8")).toBe("INTERRUPTED\n");
  });

  test.concurrent("that restarts with fewer slots finishes the jobs of all former slots", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const name = ["--name", "agent-of-many"];
    const first = await scene.readyAgent([...name, "--slots", "3"]);
    await registered(scene, 3);
    const long = `touch ${tester.home}/$SEMAPHORE_JOB_ID.here; while [ ! -e ${tester.home}/go ]; do sleep 0.05; done; echo -n 1 >> ${tester.home}/$SEMAPHORE_JOB_ID.ran`;
    const ids = await Promise.all([1, 2, 3].map(() => hub.submit({ commands: [long] })));
    for (const id of ids) await waitForFile(path.join(tester.home, `${id}.here`));
    first.kill("SIGKILL");
    await first.finished;
    const second = scene.agent([...name, "--slots", "1"]);
    await tester.write("go", "");
    const views = await Promise.all(ids.map((id) => hub.done(id)));
    expect(views.map(({ result }) => result)).toEqual(["passed", "passed", "passed"]);
    for (const id of ids) {
      expect(await readFile(path.join(tester.home, `${id}.ran`), "utf8")).toBe("1");
      expect(outline(await hub.log(id)).at(-1)).toBe("end passed");
    }
    await registered(scene, 1);
    second.kill("SIGTERM");
    const { exitCode, stdout } = await second.finished;
    expect(exitCode).toBe(0);
    for (const [index, { agent }] of views.entries())
      expect(stdout).toContain(` ${agent} : job ${ids[index]}: passed\n`);
  });

  test.concurrent("shuts each slot down after the idle timeout, and exits with the last one", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent(["--slots", "2", "--disconnect-after-idle-timeout", "1"]);
    const id = await hub.submit({ commands: ["sleep 2.5"] });
    await until("one slot has disconnected", async () => (await hub.agents()).length === 1);
    expect((await hub.done(id)).result).toBe("passed");
    const { exitCode, stdout } = await agent.finished;
    expect(exitCode).toBe(0);
    expect(stdout).toContain("Agent shutting down due to: IDLE");
  });

  test.concurrent("hands all jobs over at SIGUSR2, and stops all jobs at the second SIGTERM", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const first = await scene.readyAgent(["--slots", "2", "--name", "agent-of-two"]);
    await registered(scene, 2);
    const long = `touch ${tester.home}/$SEMAPHORE_JOB_ID.here; sleep 1111`;
    const ids = await Promise.all([1, 2].map(() => hub.submit({ commands: [long] })));
    for (const id of ids) await waitForFile(path.join(tester.home, `${id}.here`));
    first.kill("SIGUSR2");
    expect((await first.finished).exitCode).toBe(0);
    const second = await scene.readyAgent(["--slots", "2", "--name", "agent-of-two"]);
    await until("both jobs are resumed", async () => {
      const [status] = await statusOf(scene);
      return status?.slots.filter(({ job }) => job !== undefined).length === 2;
    });
    second.kill("SIGTERM");
    await Bun.sleep(200);
    second.kill("SIGTERM");
    const views = await Promise.all(ids.map((id) => hub.done(id)));
    expect(views.map(({ result }) => result)).toEqual(["stopped", "stopped"]);
    expect((await second.finished).exitCode).toBe(0);
    for (const id of ids) await waitForExit(id);
  });
});

describe("options that conflict with slots are rejected with a remedy", () => {
  test.concurrent.each([
    [["--name", "n".repeat(79), "--slots", "2"], "name should have between 8 and 80 characters"],
    [["--name", "https://sts.amazonaws.com/?a=b", "--slots", "2"], "set slots to 1"],
    [["--disconnect-after-job", "--job-id", "x", "--slots", "2"], "job-id requires an agent with one slot"],
    [["--slots", "0"], "expected at least 1 slot"],
  ])("%j", async (args, message) => {
    await using scene = await createScene();
    const { exitCode, stderr, stdout } = await scene.agent(args).finished;
    expect(exitCode).toBe(1);
    expect(stderr + stdout).toContain(message);
    expect(await scene.hub.agents()).toEqual([]);
  });
});
