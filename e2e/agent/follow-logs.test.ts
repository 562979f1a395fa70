import { describe, expect, test } from "bun:test";
import { createScene, findFile, inHome, jobProcesses, type Scene, waitForFile } from "../support/agents.ts";
import type { Running } from "../support/fixtures.ts";
import { openGates, submitGatedJob } from "../support/gated-job.ts";
import { outline, toEvents } from "../support/jobs.ts";

const follow = ({ tester, stateDirectory }: Scene, ...args: string[]): Running =>
  tester.start(["logs", "--follow", "--state-dir", stateDirectory, ...args]);

describe("signalman logs --follow", () => {
  test.concurrent("shows a log while the job runs, over the death of the agent, until the job has passed", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent();
    const id = await submitGatedJob(scene);
    const followers = [follow(scene, id.slice(0, 13), "--json"), follow(scene, "--last", "--json")];
    const [first] = followers;
    await first!.shows('"output":"first');
    agent.kill("SIGKILL");
    await agent.finished;
    await openGates(scene, 1);
    await waitForFile(inHome(scene, "printed"));
    await first!.shows("60000");
    await scene.readyAgent();
    await openGates(scene, 2);
    expect((await hub.done(id)).result).toBe("passed");
    const kept = await scene.keptLog(id);
    expect(outline(kept).at(-1)).toBe("end passed");
    for (const follower of followers) {
      const { exitCode, stdout } = await follower.finished;
      expect(exitCode).toBe(0);
      expect(toEvents(stdout)).toEqual(kept);
    }
  });

  test.concurrent("shows how an agent closes the log of a job whose process died together with the agent", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent();
    const id = await submitGatedJob(scene);
    const follower = follow(scene, id, "--json");
    await follower.shows('"output":"first');
    agent.kill("SIGKILL");
    for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
    await agent.finished;
    await scene.readyAgent();
    expect((await hub.done(id)).result).toBe("failed");
    const { exitCode, stdout } = await follower.finished;
    expect(exitCode).toBe(0);
    expect(toEvents(stdout)).toEqual(await scene.keptLog(id));
    expect(outline(toEvents(stdout)).at(-1)).toBe("end failed");
    expect(stdout).toContain("[signalman: the job's process died");
  });

  test.concurrent("of a job that has ended prints its log, as without it", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    const id = await scene.hub.submit({ commands: ["echo hello"] });
    await scene.hub.done(id);
    const place = ["--state-dir", scene.stateDirectory];
    const shown = await scene.tester.run(["logs", id, ...place]);
    expect(shown.stdout).toContain("hello");
    expect(await follow(scene, id).finished).toEqual(shown);
    expect(await scene.tester.run(["logs", "--last", ...place])).toEqual(shown);
  });

  test.concurrent("ends with status 130 after Ctrl-C, and with 1 and a warning when the log is removed", async () => {
    await using scene = await createScene();
    await scene.readyAgent();
    const id = await submitGatedJob(scene);
    const interrupted = scene.tester.start(["logs", "--follow", id, "--state-dir", scene.stateDirectory], {
      isTerminal: true,
    });
    await interrupted.shows("first");
    interrupted.type("\x03");
    expect((await interrupted.finished).exitCode).toBe(130);
    const follower = follow(scene, "--last");
    await follower.shows("first");
    const spool = findFile(scene, "events.ndjson");
    await scene.tester.exec(["mv", spool, `${spool}.removed`]);
    const { exitCode, stderr } = await follower.finished;
    expect(exitCode).toBe(1);
    expect(stderr).toContain("the job's log was removed before its end was read");
    await openGates(scene, 1, 2);
    await scene.hub.done(id);
  });

  test.concurrent.each([
    [["--follow"], "--follow needs the id of a job, or --last"],
    [["a-job", "--last"], 'job "a-job" and --last exclude each other'],
    [["--last"], "no log of a job in "],
    [["a-job", "--follow"], 'no log of a job "a-job" in '],
  ])("refuses %j with status 2", async (args, message) => {
    await using scene = await createScene();
    const { exitCode, stderr } = await scene.tester.run([
      "logs",
      ...args,
      "--state-dir",
      scene.stateDirectory,
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });
});
