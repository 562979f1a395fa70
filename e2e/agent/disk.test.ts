import { describe, expect, test } from "bun:test";
import path from "node:path";
import { createScene, waitForFile } from "../support/agents.ts";
import { binary } from "../support/fixtures.ts";
import { outline, outputOf, until } from "../support/jobs.ts";
import {
  openGates,
  gatedCommands,
  removeState,
  submitGatedJob,
  expectJobPasses,
} from "../support/gated-job.ts";
import {
  canFail,
  canMount,
  mountFailingDisk,
  mountSmallDisk,
  needsFailing,
  needsMount,
} from "../support/test-disks.ts";

const mounted = test.concurrent.if(canMount);

describe("the state's disk", () => {
  mounted(`is full before the start: the agent reports it and exits with status 1${needsMount}`, async () => {
    await using scene = await createScene();
    await using disk = mountSmallDisk(scene.stateDirectory);
    disk.fill();
    const { exitCode, stderr } = await scene.agent().finished;
    expect(stderr).toMatch(/cannot write ".*state\/.*": ENOSPC/);
    expect(exitCode).toBe(1);
    disk.free();
    await scene.readyAgent();
    await expectJobPasses(scene);
  });

  mounted.each(["fill", "fillInodes"] as const)(
    `is full when a job is assigned (%s): the job fails with the reason in its log, and the next job runs${needsMount}`,
    async (fill) => {
      await using scene = await createScene();
      await using disk = mountSmallDisk(scene.stateDirectory);
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
      await expectJobPasses(scene);
    },
  );

  mounted(
    `is full for a while during a job: dropped output is counted, and the rest of the log is complete${needsMount}`,
    async () => {
      await using scene = await createScene();
      await using disk = mountSmallDisk(scene.stateDirectory);
      await scene.readyAgent();
      const id = await submitGatedJob(scene);
      disk.fill();
      await openGates(scene, 1);
      await waitForFile(path.join(scene.tester.home, "printed"));
      disk.free();
      await openGates(scene, 2);
      expect((await scene.hub.done(id)).result).toBe("passed");
      const events = await scene.hub.log(id);
      expect(outline(events).at(-1)).toBe("end passed");
      expect(outputOf(events, gatedCommands[1])).toMatch(/ bytes of output were dropped: [^\]\n]+\]\n/);
      expect(outputOf(events, gatedCommands[2])).toBe("third\n");
      expect(events).toEqual(await scene.keptLog(id));
      expect(await scene.agentLog()).toContain("ENOSPC");
      await expectJobPasses(scene);
    },
  );

  mounted.each(["fill", "fillInodes"] as const)(
    `is full when the job finishes (%s): the result is reported, and all commands in the log are closed${needsMount}`,
    async (fill) => {
      await using scene = await createScene();
      await using disk = mountSmallDisk(scene.stateDirectory);
      await scene.readyAgent();
      // The line is longer than the rest of the log's last disk block.
      const last = `echo third ${"x".repeat(8000)}`;
      const id = await submitGatedJob(scene, last);
      disk[fill]();
      await openGates(scene, 1, 2);
      expect((await scene.hub.done(id)).result).toBe("passed");
      const lines = outline(await scene.hub.log(id));
      expect(lines.at(-1)).toBe("end passed");
      expect(lines.join("\n")).toContain(fill === "fill" ? "cannot be kept on disk" : "] 0: third x");
      expect(await scene.agentLog()).toContain("the job's end cannot be kept on disk");
      disk.free();
      await expectJobPasses(scene);
    },
  );

  test.concurrent.if(canFail)(
    `becomes read-only during a job: the job continues and is reported, the next job fails with a reason${needsFailing}`,
    async () => {
      await using scene = await createScene();
      await using disk = await mountFailingDisk(scene.stateDirectory);
      const agent = await scene.readyAgent();
      const id = await submitGatedJob(scene);
      disk.fail();
      await openGates(scene, 1, 2);
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

  test.concurrent("is removed during a job: the job is reported with its complete log, and the next job runs", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent();
    const id = await submitGatedJob(scene);
    await removeState(scene);
    await openGates(scene, 1, 2);
    expect((await scene.hub.done(id)).result).toBe("passed");
    const events = await scene.hub.log(id);
    expect(outline(events).at(-1)).toBe("end passed");
    expect(outputOf(events, gatedCommands[1])).toEndWith("\n60000\n");
    await expectJobPasses(scene);
    expect(await scene.agentLog()).toMatch(
      /state directory ".*" was removed and has been recreated; its contents are lost/,
    );
    agent.kill("SIGTERM");
    expect((await agent.finished).exitCode).toBe(0);
    await scene.readyAgent();
    await expectJobPasses(scene);
  });
});

describe("another disk", () => {
  mounted(`with the agent's log is full: the fault is reported once, and jobs run${needsMount}`, async () => {
    await using scene = await createScene();
    await using disk = mountSmallDisk(path.join(scene.tester.home, "log"));
    const log = ["--log-level", "trace", "--log-file-path", path.join(disk.path, "agent.log")];
    const agent = await scene.readyAgent(log);
    disk.fill();
    for (let n = 0; n < 3; n += 1) await expectJobPasses(scene);
    agent.kill("SIGTERM");
    const { exitCode, stderr } = await agent.finished;
    expect(stderr.match(/cannot write the log file ".*": ENOSPC/g)).toHaveLength(1);
    expect(exitCode).toBe(0);
  });

  mounted.each(["fill", "fillInodes"] as const)(
    `with TMPDIR is full (%s): the job fails with a reason, and the next job runs${needsMount}`,
    async (fill) => {
      await using scene = await createScene();
      await using disk = mountSmallDisk(path.join(scene.tester.home, "small"));
      const log = path.join(scene.tester.temporary, "agent_log");
      await scene.readyAgent(["--log-file-path", log], { env: { TMPDIR: disk.path } });
      disk[fill]();
      const id = await scene.hub.submit({ commands: ["touch ran"] });
      expect((await scene.hub.done(id)).result).toBe("failed");
      const lines = outline(await scene.hub.log(id));
      expect(lines.join("\n")).toMatch(/\/small.*ENOSPC/);
      expect(lines.at(-1)).toBe("end failed");
      disk.free();
      const second = await submitGatedJob(scene);
      disk[fill]();
      await openGates(scene, 1, 2);
      const { result } = await scene.hub.done(second);
      const text = outline(await scene.hub.log(second)).join("\n");
      expect(result === "passed" || /\/small.*ENOSPC/.test(text)).toBe(true);
      disk.free();
      await expectJobPasses(scene);
    },
  );

  mounted(
    `with home, state and TMPDIR is filled by the job itself: the job fails and is reported${needsMount}`,
    async () => {
      await using scene = await createScene();
      await using disk = mountSmallDisk(path.join(scene.tester.home, "all"), "size=4m");
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
      await expectJobPasses(scene);
    },
  );
});

test.concurrent("a file size limit of the agent: output beyond it is dropped and counted, and the agent continues", async () => {
  await using scene = await createScene();
  const limited = 'ulimit -f 128; exec "$@"';
  const agent = await scene.readyAgent([], { program: ["bash", "-c", limited, "-", binary] });
  const id = await submitGatedJob(scene);
  await openGates(scene, 1, 2);
  expect((await scene.hub.done(id)).result).toBe("passed");
  const lines = outline(await scene.hub.log(id));
  expect(lines.at(-1)).toBe("end passed");
  await until("the fault is logged", async () => (await scene.agentLog()).includes("EFBIG"));
  await expectJobPasses(scene);
  agent.kill("SIGTERM");
  expect((await agent.finished).exitCode).toBe(0);
});
