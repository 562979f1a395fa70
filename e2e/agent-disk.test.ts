import { describe, expect, test } from "bun:test";
import path from "node:path";
import { createScene, fileAppears } from "./agents.ts";
import { binary } from "./fixtures.ts";
import { outline, outputOf, until } from "./jobs.ts";
import { go, parts, submitParts, worksAgain } from "./jobs-in-parts.ts";
import { canFail, canMount, mountFailing, mountSmall, needsFailing, needsMount } from "./small-disks.ts";

const mounted = test.concurrent.if(canMount);

describe("the state's disk", () => {
  mounted(`is full before the start: the agent says so, and ends with 1${needsMount}`, async () => {
    await using scene = await createScene();
    await using disk = mountSmall(scene.stateDirectory);
    disk.fill();
    const { exitCode, stderr } = await scene.agent().finished;
    expect(stderr).toMatch(/cannot write ".*state\/.*": ENOSPC/);
    expect(exitCode).toBe(1);
    disk.free();
    await scene.readyAgent();
    await worksAgain(scene);
  });

  mounted.each(["fill", "fillNames"] as const)(
    `cannot keep a job that is assigned (%s): it is reported as failed, its log says why, and the next one runs${needsMount}`,
    async (fill) => {
      await using scene = await createScene();
      await using disk = mountSmall(scene.stateDirectory);
      await scene.readyAgent();
      disk[fill]();
      const id = await scene.hub.submit({ commands: ["touch ran"] });
      expect((await scene.hub.done(id)).result).toBe("failed");
      expect(outline(await scene.hub.log(id))).toEqual([
        "start",
        expect.stringMatching(
          /^\[Ending the job\] 1: \[signalman: The agent could not start this job: .*ENOSPC/,
        ),
        "end failed",
      ]);
      expect(await scene.agentLog()).toMatch(/level=error .*ENOSPC/);
      expect(await Bun.file(path.join(scene.tester.home, "ran")).exists()).toBe(false);
      disk.free();
      await worksAgain(scene);
    },
  );

  mounted(
    `is full in mid-job, and has room again: what was dropped is counted, the rest is whole${needsMount}`,
    async () => {
      await using scene = await createScene();
      await using disk = mountSmall(scene.stateDirectory);
      await scene.readyAgent();
      const id = await submitParts(scene);
      disk.fill();
      await go(scene, 1);
      await fileAppears(path.join(scene.tester.home, "printed"));
      disk.free();
      await go(scene, 2);
      expect((await scene.hub.done(id)).result).toBe("passed");
      const events = await scene.hub.log(id);
      expect(outline(events).at(-1)).toBe("end passed");
      expect(outputOf(events, parts[1])).toContain(" bytes of output were dropped]\n");
      expect(outputOf(events, parts[2])).toBe("third\n");
      expect(events).toEqual(await scene.keptLog(id));
      expect(await scene.agentLog()).toContain("ENOSPC");
      await worksAgain(scene);
    },
  );

  mounted.each(["fill", "fillNames"] as const)(
    `cannot keep the result (%s): it is reported as it is, and the log is paired${needsMount}`,
    async (fill) => {
      await using scene = await createScene();
      await using disk = mountSmall(scene.stateDirectory);
      await scene.readyAgent();
      // Too long for what is left of the log's last block.
      const last = `echo third ${"x".repeat(8000)}`;
      const id = await submitParts(scene, last);
      disk[fill]();
      await go(scene, 1, 2);
      expect((await scene.hub.done(id)).result).toBe("passed");
      const lines = outline(await scene.hub.log(id));
      expect(lines.at(-1)).toBe("end passed");
      expect(lines.join("\n")).toContain(fill === "fill" ? "cannot be kept on disk" : "] 0: third x");
      expect(await scene.agentLog()).toContain("the job's end cannot be kept on disk");
      disk.free();
      await worksAgain(scene);
    },
  );

  test.concurrent.if(canFail)(
    `turns read-only in mid-job: the job goes on and is reported, the next one fails with a reason${needsFailing}`,
    async () => {
      await using scene = await createScene();
      await using disk = await mountFailing(scene.stateDirectory);
      const agent = await scene.readyAgent();
      const id = await submitParts(scene);
      disk.fail();
      await go(scene, 1, 2);
      expect((await scene.hub.done(id)).result).toBe("passed");
      const lines = outline(await scene.hub.log(id));
      expect(lines.at(-1)).toBe("end passed");
      expect(lines.join("\n")).toContain("EROFS");
      const next = await scene.hub.submit({ commands: ["touch ran"] });
      expect((await scene.hub.done(next)).result).toBe("failed");
      expect(outline(await scene.hub.log(next))[1]).toContain("EROFS");
      agent.kill("SIGTERM");
      expect((await agent.finished).exitCode).toBe(0);
      const { exitCode, stderr } = await scene.agent().finished;
      expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining("EROFS") });
    },
  );

  test.concurrent("is removed in mid-job: the job is reported with all of its log, and the next one runs", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent();
    const id = await submitParts(scene);
    await scene.tester.exec(["rm", "-rf", scene.stateDirectory]);
    await go(scene, 1, 2);
    expect((await scene.hub.done(id)).result).toBe("passed");
    const events = await scene.hub.log(id);
    expect(outline(events).at(-1)).toBe("end passed");
    expect(outputOf(events, parts[1])).toEndWith("\n60000\n");
    await worksAgain(scene);
    expect(await scene.agentLog()).toMatch(/the state directory ".*" was removed; what it held is gone/);
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
    await scene.readyAgent();
    await worksAgain(scene);
  });
});

describe("another disk", () => {
  mounted(`that holds the agent's log is full: it is said once, and jobs run${needsMount}`, async () => {
    await using scene = await createScene();
    await using disk = mountSmall(path.join(scene.tester.home, "log"));
    const log = ["--log-level", "trace", "--log-file-path", path.join(disk.path, "agent.log")];
    const agent = await scene.readyAgent(log);
    disk.fill();
    for (let n = 0; n < 3; n += 1) await worksAgain(scene);
    agent.kill("SIGTERM");
    const { exitCode, stderr } = await agent.finished;
    expect(stderr.match(/cannot write the log file ".*": ENOSPC/g)).toHaveLength(1);
    expect(exitCode).toBe(0);
  });

  mounted.each(["fill", "fillNames"] as const)(
    `that holds TMPDIR has no room (%s): the job fails with a reason, the next one runs${needsMount}`,
    async (fill) => {
      await using scene = await createScene();
      await using disk = mountSmall(path.join(scene.tester.home, "small"));
      const log = path.join(scene.tester.temporary, "agent_log");
      await scene.readyAgent(["--log-file-path", log], { env: { TMPDIR: disk.path } });
      disk[fill]();
      const id = await scene.hub.submit({ commands: ["touch ran"] });
      expect((await scene.hub.done(id)).result).toBe("failed");
      const lines = outline(await scene.hub.log(id));
      expect(lines.join("\n")).toMatch(/\/small.*ENOSPC/);
      expect(lines.at(-1)).toBe("end failed");
      disk.free();
      const second = await submitParts(scene);
      disk[fill]();
      await go(scene, 1, 2);
      const { result } = await scene.hub.done(second);
      const text = outline(await scene.hub.log(second)).join("\n");
      expect(result === "passed" || /\/small.*ENOSPC/.test(text)).toBe(true);
      disk.free();
      await worksAgain(scene);
    },
  );

  mounted(
    `that holds all that there is is filled by the job itself: it fails, and is reported${needsMount}`,
    async () => {
      await using scene = await createScene();
      await using disk = mountSmall(path.join(scene.tester.home, "all"), "size=4m");
      const env = {
        TMPDIR: disk.path,
        HOME: disk.path,
        SEMAPHORE_AGENT_STATE_DIR: path.join(disk.path, "state"),
      };
      await scene.readyAgent([], { env });
      const command = "head -c 10M /dev/zero > filled";
      const id = await scene.hub.submit({
        commands: [command, "echo never"],
        epilogue_always_commands: ["rm filled"],
      });
      expect((await scene.hub.done(id)).result).toBe("failed");
      const lines = outline(await scene.hub.log(id));
      expect(lines.at(-1)).toBe("end failed");
      expect(lines.join("\n")).not.toContain("echo never");
      disk.free();
      await scene.tester.exec(["rm", "-f", path.join(disk.path, "filled")]);
      await worksAgain(scene);
    },
  );
});

test.concurrent("a limit of file size for the agent: output beyond it is dropped and counted, and the agent lives", async () => {
  await using scene = await createScene();
  const limited = 'ulimit -f 128; exec "$@"';
  const agent = await scene.readyAgent([], { program: ["bash", "-c", limited, "-", binary] });
  const id = await submitParts(scene);
  await go(scene, 1, 2);
  expect((await scene.hub.done(id)).result).toBe("passed");
  const lines = outline(await scene.hub.log(id));
  expect(lines.at(-1)).toBe("end passed");
  await until("it is said", async () => (await scene.agentLog()).includes("EFBIG"));
  await worksAgain(scene);
  agent.kill("SIGTERM");
  expect((await agent.finished).exitCode).toBe(0);
});
