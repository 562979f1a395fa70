import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { jobProcesses, waitForExit, waitForFile } from "../support/agents.ts";
import { createExampleScene, createExampleTester, exampleFlags } from "./example-plugins.ts";
import { binary } from "../support/fixtures.ts";
import { findLeftovers, findProcesses, outline, runForEvents, uniqueSeconds } from "../support/jobs.ts";

const canSandbox =
  Bun.which("bwrap") !== null &&
  Bun.spawnSync(["bwrap", "--unshare-user", "--ro-bind", "/", "/", "true"]).exitCode === 0;

describe.skipIf(!canSandbox)("sandbox-executor", () => {
  const shell = { executors: { shell: "sandbox" } };

  test.concurrent("runs a job with its variables and files, and leaves no files behind", async () => {
    await using tester = await createExampleTester("sandbox-executor", { network: false }, shell);
    const job = {
      env: { NAME: "it's me" },
      files: [{ path: "bin/hello", mode: "0755", text: "#!/bin/sh\necho hello $NAME\n" }],
      commands: ["cd bin", "./hello > ../greeting", "cat ~/greeting; touch /etc/never"],
      epilogue_always_commands: ["echo the job $SEMAPHORE_JOB_RESULT"],
    };
    const { exitCode, events } = await runForEvents(tester, job, exampleFlags);
    expect(outline(events).slice(-5)).toEqual([
      "[./hello > ../greeting] 0: ",
      "[cat ~/greeting; touch /etc/never] 1: hello it's me\ntouch: cannot touch '/etc/never': Read-only file system\n",
      "[Exporting environment variables] 0: Exporting SEMAPHORE_JOB_RESULT\n",
      "[echo the job $SEMAPHORE_JOB_RESULT] 0: the job failed\n",
      "end failed",
    ]);
    expect(exitCode).toBe(1);
    expect(existsSync(path.join(tester.home, "greeting"))).toBe(false);
    expect(await findLeftovers(tester)).toEqual([]);
  });

  /** Starts an agent of an ordinary user, with a directory that its jobs share with the test. */
  async function createOrdinaryScene() {
    const scene = await createExampleScene("sandbox-executor", { writable: ["~/out"] }, shell);
    const out = path.dirname(await scene.tester.write("out/empty", ""));
    const isRoot = process.getuid!() === 0;
    if (isRoot) await scene.tester.exec(["bash", "-c", 'chown -R 65534:65534 "$(dirname "$HOME")"']);
    const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    await scene.startAgent(isRoot ? { program: [...user, binary] } : {});
    return { ...scene, out, uid: isRoot ? 65534 : process.getuid!() };
  }

  test.concurrent("runs jobs of an ordinary user's agent, and ends their processes when they are stopped", async () => {
    await using scene = await createOrdinaryScene();
    const { hub, out, uid } = scene;
    const word = uniqueSeconds();
    const command = `id -u > ~/out/user; setsid sleep ${word} & echo started; sleep ${word}; : > ~/out/never`;
    const id = await hub.submit({ commands: [command] });
    await hub.shows(id, "started");
    await hub.stopJob(id);
    expect((await hub.done(id)).result).toBe("stopped");
    expect(findProcesses(word)).toEqual([]);
    expect(await readFile(path.join(out, "user"), "utf8")).toBe(`${uid}\n`);
    expect(existsSync(path.join(out, "never"))).toBe(false);
  });

  test.concurrent("ends all processes of a job whose job process is killed", async () => {
    await using scene = await createOrdinaryScene();
    const { hub, out } = scene;
    for (let round = 0; round < 10; round += 1) {
      const word = uniqueSeconds();
      const started = `env -i setsid sleep ${word} & : > ~/out/started-${round}`;
      const id = await hub.submit({ commands: [`${started}; sleep ${word}; : > ~/out/never`] });
      await waitForFile(path.join(out, `started-${round}`));
      for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
      expect((await hub.done(id)).result).toBe("failed");
      await waitForExit(word);
    }
    expect(existsSync(path.join(out, "never"))).toBe(false);
  });
});
