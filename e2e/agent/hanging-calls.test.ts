import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { createScene, waitForExit, jobProcesses, type Scene } from "../support/agents.ts";
import { outline, uniqueSeconds, until } from "../support/jobs.ts";

/** Longer than a test runs. */
const patient = ["--request-timeout", "600"];

/** Resolves when the agent has synced this many times in this state. */
async function syncs(scene: Scene, state: string, times: number): Promise<void> {
  const count = async () =>
    (await scene.hub.calls()).filter(({ endpoint }) => endpoint === `sync/${state}`).length;
  const before = await count();
  await until(`${times} syncs of ${state}`, async () => (await count()) >= before + times);
}

/** Prints until the file `go` exists. */
const waiting = "echo started; i=0; while [ ! -e go ]; do echo line $((i++)); sleep 0.05; done; echo over";

describe("a call that hangs does not delay other work", () => {
  test.concurrent("a sync: the log is delivered, and the end of the job is reported at once", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    await scene.readyAgent(patient);
    await hub.addFault({ on: "sync/running-job", kind: "partition" });
    const id = await hub.submit({ commands: [waiting] });
    await hub.shows(id, "line 10\n");
    await tester.write("go", "");
    expect((await hub.done(id)).result).toBe("passed");
    expect(await hub.log(id)).toEqual(await scene.keptLog(id));
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("a log push: syncs continue, and a stop takes effect", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await scene.readyAgent(["--log-flush-timeout", "1"]);
    const word = uniqueSeconds();
    await hub.addFault({ on: "log", kind: "partition" });
    const id = await hub.submit({ commands: [`echo > started; sleep ${word}; touch never`] });
    await until("the job has started", () => existsSync(path.join(scene.tester.home, "started")));
    await syncs(scene, "running-job", 3);
    await hub.stopJob(id);
    await waitForExit(word);
    await hub.clearFaults();
    expect((await hub.done(id)).result).toBe("stopped");
    expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
  });

  test.concurrent("a token refresh: syncs continue", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    await scene.readyAgent(patient);
    await hub.addFault({ on: "log", kind: "status", status: 401 });
    const hanging = await hub.addFault({ on: "refresh", kind: "partition" });
    const id = await hub.submit({ commands: [waiting] });
    await until("the agent requests a token", async () =>
      (await hub.faults()).some(({ hits }, index) => index === 1 && hits > 0),
    );
    await syncs(scene, "running-job", 3);
    await hub.clearFaults();
    expect(hanging).toBeGreaterThan(0);
    await tester.write("go", "");
    expect((await hub.done(id)).result).toBe("passed");
    expect(await hub.log(id)).toEqual(await scene.keptLog(id));
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("a fetch: syncs report starting-job", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await scene.readyAgent(patient);
    await hub.addFault({ on: "fetch", kind: "partition" });
    const id = await hub.submit({ commands: ["echo hello"] });
    await syncs(scene, "starting-job", 3);
    await hub.clearFaults();
    expect((await hub.done(id)).result).toBe("passed");
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("an upload of the log, and a log that cannot be delivered yet: syncs continue", async () => {
    await using scene = await createScene();
    const { hub, tester } = scene;
    await tester.write(
      "bin/artifact",
      "#!/bin/bash\ntouch ~/uploading; while [ ! -e ~/go ]; do sleep 0.05; done\n",
      0o755,
    );
    await scene.readyAgent(["--upload-job-logs", "always"], {
      env: { PATH: `${tester.home}/bin:${process.env.PATH}` },
    });
    await hub.addFault({ on: "log", kind: "status" });
    const id = await hub.submit({ commands: ["echo hello; touch over"] });
    await until("the job has finished", () => existsSync(path.join(tester.home, "over")));
    await syncs(scene, "running-job", 3);
    await hub.clearFaults();
    await until("the upload has started", () => existsSync(path.join(tester.home, "uploading")));
    await syncs(scene, "running-job", 3);
    await tester.write("go", "");
    expect((await hub.done(id)).result).toBe("passed");
    expect(outline(await hub.log(id))[3]).toBe("[echo hello; touch over] 0: hello\n");
    expect(await hub.violations()).toEqual([]);
  });
});

describe("a job process that hangs", () => {
  test.concurrent("is killed when its job is stopped, and the job is reported", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await scene.readyAgent();
    const word = uniqueSeconds();
    const id = await hub.submit({ commands: [`echo started; sleep ${word}; touch never`] });
    await hub.shows(id, "started");
    for (const pid of jobProcesses(id)) process.kill(pid, "SIGSTOP");
    await hub.stopJob(id);
    expect((await hub.done(id)).isDone).toBe(true);
    await waitForExit(word);
    expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
  });
});
