import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { createScene, waitForFile } from "../support/agents.ts";
import { binary, createTester, type Tester } from "../support/fixtures.ts";
import { uniqueSeconds, until } from "../support/jobs.ts";

const logOf = (tester: Tester) => path.join(tester.temporary, "agent_log");
const read = (file: string) => readFile(file, "utf8");

/**
 * A job that runs until the file `go` exists and leaves a process behind, so that its job process logs a
 * line.
 */
function waitingJob() {
  const seconds = uniqueSeconds();
  const command = `setsid sleep ${seconds} & echo started; while [ ! -e go ]; do sleep 0.05; done`;
  return { seconds, request: { commands: [command] } };
}

describe("SIGHUP", () => {
  test.concurrent("reopens the log: the agent and the job process continue in a new file, and the job continues", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const agent = await scene.readyAgent();
    const { seconds, request } = waitingJob();
    const id = await hub.submit(request);
    await hub.shows(id, "started");
    await rename(logOf(tester), `${logOf(tester)}-moved`);
    agent.kill("SIGHUP");
    await waitForFile(logOf(tester));
    const moved = await read(`${logOf(tester)}-moved`);
    await tester.write("go", "");
    expect((await hub.done(id)).result).toBe("passed");
    const next = await hub.submit({ commands: ["true"] });
    expect((await hub.done(next)).result).toBe("passed");
    expect(await read(logOf(tester))).toContain(`ended "sleep ${seconds}"`);
    expect(await read(`${logOf(tester)}-moved`)).toBe(moved);
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
    expect(await read(logOf(tester))).toContain("Agent shutting down due to: INTERRUPTED");
  });

  test.concurrent("that cannot reopen the log is reported once; the agent and its jobs continue", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    const agent = await scene.readyAgent();
    await rm(logOf(tester));
    await mkdir(logOf(tester));
    for (let n = 0; n < 3; n++) agent.kill("SIGHUP");
    const id = await hub.submit({ commands: ["true"] });
    expect((await hub.done(id)).result).toBe("passed");
    agent.kill("SIGTERM");
    const { exitCode, stderr } = await agent.finished;
    expect(exitCode).toBe(0);
    expect(stderr.match(/cannot reopen the log file/g)).toHaveLength(1);
    expect(stderr).toContain("it is a directory");
  });
});

test.concurrent("an agent runs jobs when its log file cannot be opened", async () => {
  await using scene = await createScene();
  await rm(logOf(scene.tester), { force: true });
  await symlink("elsewhere", logOf(scene.tester));
  await scene.readyAgent();
  const id = await scene.hub.submit({ commands: ["echo hello"] });
  expect((await scene.hub.done(id)).result).toBe("passed");
  expect(existsSync(path.join(scene.tester.temporary, "elsewhere"))).toBe(false);
});

describe("rotation", () => {
  test.concurrent("by four programs at once loses no line", async () => {
    await using tester = await createTester();
    const words = Array.from({ length: 4 }, () => Array.from({ length: 15 }, uniqueSeconds));
    const files = await Promise.all(
      words.map((seconds, index) => {
        const commands = [...seconds.map((word) => `setsid sleep ${word} &`), "sleep 0.2"];
        return tester.write(`job-${index}.json`, JSON.stringify({ commands }));
      }),
    );
    const limits = ["--log-file-size", "1000", "--log-file-count", "100"];
    const ends = await Promise.all(files.map((file) => tester.run(["run", file, ...limits])));
    expect(ends.map(({ exitCode, stderr }) => ({ exitCode, stderr }))).toEqual(
      Array.from({ length: 4 }, () => ({ exitCode: 0, stderr: "" })),
    );
    const logs = (await readdir(tester.temporary)).filter((name) => name.startsWith("agent_log"));
    expect(logs.length).toBeGreaterThan(3);
    const text = (await Promise.all(logs.map((name) => read(path.join(tester.temporary, name))))).join("");
    const found = text
      .trimEnd()
      .split("\n")
      .map((line) => /ended "sleep ([\d.]+)"/.exec(line)?.[1]);
    expect(found.toSorted()).toEqual(words.flat().toSorted());
  });

  test.concurrent("is done by the job process as well, with the agent's options", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    await scene.readyAgent(["--log-file-size", "300", "--log-file-count", "2"]);
    const words = Array.from({ length: 10 }, uniqueSeconds);
    const id = await hub.submit({
      commands: [...words.map((word) => `setsid sleep ${word} &`), "sleep 0.2"],
    });
    expect((await hub.done(id)).result).toBe("passed");
    const logs = async () => (await readdir(tester.temporary)).filter((name) => name.startsWith("agent_log"));
    await until("three log files exist", async () => (await logs()).length === 3);
    expect((await logs()).toSorted()).toEqual(["agent_log", "agent_log.1", "agent_log.2"]);
  });

  test.concurrent("an invalid size or count is reported with the name of its option", async () => {
    await using tester = await createTester();
    const { exitCode, stderr } = await tester.exec([
      binary,
      "config",
      "check",
      "--log-file-size",
      "many",
      "--log-file-count",
      "-1",
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("log-file-size");
    expect(stderr).toContain("log-file-count");
  });
});
