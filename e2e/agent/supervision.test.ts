import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { toAdvice } from "../../src/os/systemd/service-unit.ts";
import { createScene, waitForExit, inHome, jobProcesses } from "../support/agents.ts";
import { isDead, listPids, readStat } from "../../src/os/processes/proc.ts";
import { binary, createTester, root } from "../support/fixtures.ts";
import { findProcesses, outline, outputOf, uniqueSeconds, until } from "../support/jobs.ts";

describe("the systemd unit of the documentation", () => {
  const file = path.join(root, "docs", "examples", "signalman.service");
  const read = (name: string) =>
    new RegExp(`^${name}=(.*)$`, "m").exec(readFileSync(file, "utf8"))?.[1] ?? "";

  test("has the settings that the agent recommends", () => {
    expect(toAdvice({ name: "signalman.service", killMode: read("KillMode") })).toBeUndefined();
    expect({
      RestartKillSignal: read("RestartKillSignal"),
      Delegate: read("Delegate"),
      OOMPolicy: read("OOMPolicy"),
      Restart: read("Restart"),
      StateDirectory: read("StateDirectory"),
    }).toEqual({
      RestartKillSignal: "SIGUSR2",
      Delegate: "yes",
      OOMPolicy: "continue",
      Restart: "always",
      StateDirectory: "signalman",
    });
    // systemd removes these directories when the service stops, but a running job has files there.
    expect(read("PrivateTmp")).toBe("");
    expect(read("RuntimeDirectory")).toBe("");
  });

  const analyze = Bun.which("systemd-analyze");
  test(`is accepted by systemd${analyze ? "" : " (skipped: needs systemd-analyze)"} and starts an existing command`, async () => {
    await using tester = await createTester();
    const [program, ...args] = read("ExecStart").split(" ");
    expect(program).toBe("/usr/local/bin/signalman");
    expect((await tester.run([args[0]!, "--help"])).exitCode).toBe(0);
    const unit = await tester.write(
      "signalman.service",
      (await readFile(file, "utf8")).replace(program!, binary),
    );
    if (analyze === null) return;
    const { exitCode, stdout, stderr } = await tester.exec([analyze, "verify", unit]);
    // A systemd before 254 says that it ignores this setting.
    const output = `${stdout}${stderr}`.replace(/^.*Unknown key 'DelegateSubgroup'.*ignoring\.\n/m, "");
    expect({ exitCode, output }).toEqual({ exitCode: 0, output: "" });
  });

  test("is explained in docs/operations.md line by line", async () => {
    const page = await readFile(path.join(root, "docs", "operations.md"), "utf8");
    const [, service = ""] = readFileSync(file, "utf8").split("[Service]\n");
    const lines = service.split("\n\n")[0]!.split("\n");
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.filter((line) => !page.includes(`\`${line.split("=")[0]}`))).toEqual([]);
  });
});

describe("a supervisor that restarts the agent at once", () => {
  test.concurrent("20 times during a job, after SIGKILL or SIGUSR2: the job runs once, and its log is complete", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    // The file is never seen empty, since process 0 is the whole group of this test.
    const supervisor = `while [ ! -e stopped ]; do "$@" & echo $! > next; mv next main; wait $!; done`;
    const running = await scene.readyAgent([], { program: ["bash", "-c", supervisor, "supervisor", binary] });
    const loop = "i=0; while [ ! -e go ]; do echo line $((++i)); sleep 0.02; done";
    const id = await hub.submit({ commands: ["echo -n 1 >> ran", loop] });
    await hub.shows(id, "line 5\n");
    const main = async () => Number(await readFile(inHome(scene, "main"), "utf8"));
    for (let restart = 0; restart < 20; restart++) {
      const pid = await main();
      process.kill(pid, restart % 2 === 0 ? "SIGKILL" : "SIGUSR2");
      await until("the next agent runs", async () => (await main()) !== pid);
      await Bun.sleep(restart * 8);
    }
    await tester.write("go", "");
    expect((await hub.done(id)).result).toBe("passed");
    const events = await hub.log(id);
    expect(await scene.keptLog(id)).toEqual(events);
    const printed = outputOf(events, loop).trimEnd().split("\n");
    expect(printed).toEqual(printed.map((_, index) => `line ${index + 1}`));
    expect(await readFile(inHome(scene, "ran"), "utf8")).toBe("1");
    expect(await hub.agents()).toHaveLength(1);
    await tester.write("stopped", "");
    process.kill(await main(), "SIGTERM");
    await running.finished;
  });
});

const container = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
const canUnshare = Bun.which("unshare") !== null && Bun.spawnSync([...container, "true"]).success;

const childrenOf = (pid: number) =>
  listPids().flatMap((child) => {
    const stat = readStat(child);
    return stat?.ppid === pid ? [stat] : [];
  });

if (canUnshare) {
  test.concurrent("PID 1 of a container runs jobs, ends their processes, reaps zombies and handles SIGTERM", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const [ended, kept] = [uniqueSeconds(), `4.${Math.floor(Math.random() * 1e12)}`];
    const running = await scene.readyAgent(["--keep-processes", `sleep ${kept}*`], {
      program: [...container, binary],
    });
    const agent = childrenOf(running.pid)[0]!.pid;
    expect(readFileSync(`/proc/${agent}/status`, "utf8")).toMatch(/^NSpid:\t\d+\t1$/m);

    const spared = () => findProcesses(kept).filter((line) => line.startsWith("sleep "));
    // Kept processes become children of the agent, and so do their zombies.
    const withOrphans = await hub.submit({
      commands: [
        `(setsid sleep ${ended} &); (env -i setsid sh -c '(sleep ${ended} &)' &); for i in $(seq 20); do (sleep 0.01 &); done`,
        `for i in 1 2 3 4 5; do (setsid sleep ${kept}$i &); done; sleep 0.2`,
      ],
    });
    expect((await hub.done(withOrphans)).result).toBe("passed");
    await waitForExit(ended);
    await until("the job's process has exited", () => jobProcesses(withOrphans).length === 0);
    expect(spared()).toHaveLength(5);

    const killed = await hub.submit({
      commands: [`echo started; (setsid sleep ${ended} &); sleep ${ended}`],
    });
    await hub.shows(killed, "started");
    process.kill(jobProcesses(killed)[0]!, "SIGKILL");
    expect((await hub.done(killed)).result).toBe("failed");
    await waitForExit(ended);
    await until("the kept processes have exited", () => spared().length === 0);
    await until("all zombies are reaped", () => !childrenOf(agent).some(isDead));

    process.kill(agent, "SIGTERM");
    const { exitCode, stdout } = await running.finished;
    expect(exitCode).toBe(0);
    expect(stdout).toContain("Agent shutting down due to: INTERRUPTED");
    expect(await hub.agents()).toEqual([]);
  });
}

describe("an agent that is not restarted", () => {
  test.concurrent("its job continues for claim-timeout, is then stopped, and is reported by a later agent", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent(["--claim-timeout", "1"]);
    const word = uniqueSeconds();
    const id = await hub.submit({
      commands: [`echo started; (setsid sleep ${word} &); sleep ${word}; touch never`],
    });
    await hub.shows(id, "started");
    agent.kill("SIGKILL");
    await agent.finished;
    expect(jobProcesses(id)).toHaveLength(1);
    await waitForExit(word);
    await until("the job's process has exited", () => jobProcesses(id).length === 0);
    expect(await scene.agentLog()).toContain("no agent has claimed the job for 1 s; it is stopped");
    scene.agent();
    expect((await hub.done(id)).result).toBe("stopped");
    const events = await hub.log(id);
    expect(events).toEqual(await scene.keptLog(id));
    expect(outline(events).at(-2)).toBe(
      "[Ending the job] 1: [signalman: no agent has claimed the job for 1 s; it is stopped]\n",
    );
    expect(await Bun.file(inHome(scene, "never")).exists()).toBe(false);
  });

  test.concurrent("kept logs are limited in size: the oldest are removed, and the log of an unreported job is kept", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const bounds = ["--kept-logs-size", "100KiB"];
    const agent = await scene.readyAgent(bounds);
    const ids: string[] = [];
    const rows = async () => {
      const { stdout } = await tester.run(["logs", "--json", "--state-dir", scene.stateDirectory]);
      const lines = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { job: string; reported: boolean });
      return lines.map(({ job, reported }) => [job, reported]);
    };
    for (let job = 0; job < 4; job++) {
      ids.unshift(await hub.submit({ commands: ["head -c 35000 /dev/zero | tr '\\0' x | fold"] }));
      await hub.done(ids[0]!);
    }
    await until("two logs are left", async () => (await rows()).length === 2);
    expect(await rows()).toEqual([
      [ids[0]!, true],
      [ids[1]!, true],
    ]);
    const large = await hub.submit({
      commands: ["head -c 300000 /dev/zero | tr '\\0' x | fold; touch printed; sleep 60"],
    });
    await until("the job has printed", () => Bun.file(inHome(scene, "printed")).exists());
    agent.kill("SIGKILL");
    await agent.finished;
    await scene.readyAgent(bounds);
    expect(await rows()).toEqual([[large, false]]);
    expect(
      (await tester.run(["logs", large, "--state-dir", scene.stateDirectory])).stdout.length,
    ).toBeGreaterThan(300_000);
  });
});
