import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createScene } from "../support/agents.ts";
import { outline, until } from "../support/jobs.ts";

describe("an outage of the hub", () => {
  test.concurrent.each(["SIGTERM", "SIGKILL"] as const)(
    "by %s and a restart during a job: the job continues, and its log is complete",
    async (signal) => {
      await using scene = await createScene({ isPersistent: true });
      const { hub } = scene;
      const agent = await scene.readyAgent();
      const loop = "for i in $(seq 60); do echo line $i; sleep 0.03; done";
      const id = await hub.submit({ commands: ["echo -n 1 >> ran", loop] });
      await hub.shows(id, "line 10");
      await hub.stop(signal);
      await Bun.sleep(500);
      await hub.start();
      expect((await hub.done(id)).result).toBe("passed");
      const events = await hub.log(id);
      expect(outline(events)[4]).toBe(
        `[${loop}] 0: ${Array.from({ length: 60 }, (_, i) => `line ${i + 1}\n`).join("")}`,
      );
      expect(await scene.keptLog(id)).toEqual(events);
      expect(await readFile(path.join(scene.tester.home, "ran"), "utf8")).toBe("1");
      expect(await hub.violations()).toEqual([]);
      agent.kill("SIGTERM");
      expect((await agent.finished).exitCode).toBe(0);
    },
  );

  test.concurrent("a job that finishes during an outage is reported after it", async () => {
    await using scene = await createScene({ isPersistent: true });
    const { hub } = scene;
    await scene.readyAgent();
    const id = await hub.submit({ commands: ["echo before; sleep 0.5; echo after; touch over"] });
    await hub.shows(id, "before");
    await hub.stop();
    await until("the job has finished", () => Bun.file(path.join(scene.tester.home, "over")).exists());
    await Bun.sleep(500);
    await hub.start();
    expect((await hub.done(id)).result).toBe("passed");
    expect(outline(await hub.log(id))[3]).toEndWith(" 0: before\nafter\n");
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("a job survives the kill and restart of both its agent and the hub", async () => {
    await using scene = await createScene({ isPersistent: true });
    const { hub } = scene;
    const agent = await scene.readyAgent();
    const id = await hub.submit({
      commands: ["echo -n 1 >> ran", "for i in $(seq 40); do echo line $i; sleep 0.03; done"],
    });
    await hub.shows(id, "line 10");
    await hub.stop("SIGKILL");
    agent.kill("SIGKILL");
    await agent.finished;
    scene.agent();
    await Bun.sleep(300);
    await hub.start();
    expect((await hub.done(id)).result).toBe("passed");
    const events = await hub.log(id);
    expect(outline(events)[4]).toEndWith(
      ` 0: ${Array.from({ length: 40 }, (_, i) => `line ${i + 1}\n`).join("")}`,
    );
    expect(await scene.keptLog(id)).toEqual(events);
    expect(await readFile(path.join(scene.tester.home, "ran"), "utf8")).toBe("1");
  });

  test.concurrent("an idle agent exits with UNABLE_TO_SYNC and status 1 after sync-give-up", async () => {
    await using scene = await createScene();
    const hook = await scene.tester.write("hook.sh", "echo $SEMAPHORE_AGENT_SHUTDOWN_REASON > reason\n");
    const agent = await scene.readyAgent(["--sync-give-up", "1", "--shutdown-hook-path", hook]);
    await scene.hub.stop("SIGKILL");
    const { exitCode, stdout } = await agent.finished;
    expect(exitCode).toBe(1);
    expect(stdout).toContain("[SYNC ERR] Failed to sync with API: ");
    expect(stdout).toContain("Unable to sync with Semaphore for over 1 s.");
    expect(stdout).toContain("Agent shutting down due to: UNABLE_TO_SYNC");
    expect(await readFile(path.join(scene.tester.home, "reason"), "utf8")).toBe("UNABLE_TO_SYNC\n");
  });

  test.concurrent("a busy agent stops its job after busy-give-up and keeps its log; the next agent reports the job", async () => {
    await using scene = await createScene({ isPersistent: true });
    const { hub } = scene;
    const agent = await scene.readyAgent(["--busy-give-up", "1"]);
    const id = await hub.submit({ commands: ["echo started; sleep 60; touch never"] });
    await hub.shows(id, "started");
    await hub.stop("SIGKILL");
    expect((await agent.finished).exitCode).toBe(1);
    expect(outline(await scene.keptLog(id)).at(-1)).toBe("end stopped");
    await hub.start();
    await scene.readyAgent();
    const view = await hub.done(id);
    expect(view.result).toBe("stopped");
    expect(await hub.log(id)).toEqual(await scene.keptLog(id));
    expect(await Bun.file(path.join(scene.tester.home, "never")).exists()).toBe(false);
  });

  test.concurrent("an agent that the hub does not know any more stops its job and exits with status 1", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const agent = await scene.readyAgent(["--gone-give-up", "0.3"]);
    const id = await hub.submit({ commands: ["echo started; sleep 60; touch never"] });
    await hub.shows(id, "started");
    await hub.addFault({ on: "sync", kind: "status", status: 404 });
    const { exitCode, stdout } = await agent.finished;
    expect(exitCode).toBe(1);
    expect(stdout).toContain("Agent shutting down due to: UNABLE_TO_SYNC");
    expect(outline(await scene.keptLog(id)).at(-1)).toBe("end stopped");
    expect(await Bun.file(path.join(scene.tester.home, "never")).exists()).toBe(false);
  });
});
