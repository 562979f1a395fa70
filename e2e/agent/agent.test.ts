import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { createScene } from "../support/agents.ts";
import { outline, until } from "../support/jobs.ts";

describe("an agent and its hub", () => {
  test.concurrent("registers with ten keys, syncs at once, runs a job, waits for further jobs, and shuts down when interrupted", async () => {
    await using scene = await createScene({ hub: ["--sync-interval", "300"] });
    const { hub } = scene;
    const agent = await scene.readyAgent(["--name", "agent-of-ten"]);
    const id = await hub.submit({
      env_vars: [{ name: "WHO", value: "d29ybGQ=" }],
      commands: ["echo hello $WHO", "pwd"],
    });
    const view = await hub.done(id);
    expect(view).toMatchObject({ result: "passed", agent: "agent-of-ten" });
    const events = await hub.log(id);
    const [start, variables, ...rest] = outline(events);
    expect(start).toBe("start");
    expect(variables).toStartWith("[Exporting environment variables] 0: Exporting CI\n");
    expect(variables).toEndWith("\nExporting TERM\nExporting WHO\n");
    expect(rest).toEqual([
      "[Injecting Files] 0: ",
      "[echo hello $WHO] 0: hello world\n",
      `[pwd] 0: ${scene.tester.home}\n`,
      "[Exporting environment variables] 0: Exporting SEMAPHORE_JOB_RESULT\n",
      "end passed",
    ]);
    expect(await scene.keptLog(id)).toEqual(events);

    await Bun.sleep(1000);
    agent.kill("SIGTERM");
    const { exitCode, stdout } = await agent.finished;
    expect(exitCode).toBe(0);
    expect(stdout).toContain("Agent shutting down due to: INTERRUPTED");
    const calls = await hub.calls();
    expect(calls[0]!.body).toEqual({
      name: "agent-of-ten",
      version: expect.any(String),
      pid: agent.pid,
      os: expect.any(String),
      arch: expect.any(String),
      hostname: expect.any(String),
      single_job: false,
      idle_timeout: 0,
      interruption_grace_period: 0,
      job_id: "",
    });
    const order = calls.map(({ endpoint }) => endpoint).filter((name, index, all) => name !== all[index - 1]);
    expect(order.slice(0, 3)).toEqual(["register", "sync/waiting-for-jobs", "fetch"]);
    expect(order.at(-1)).toBe("disconnect");
    expect(order.filter((name) => name === "fetch")).toHaveLength(1);
    const idle = calls.filter(({ endpoint }) => endpoint === "sync/waiting-for-jobs");
    // The first sync and the one that reports the interruption are sent at once.
    expect(idle.length).toBeLessThanOrEqual((idle.at(-1)!.at - idle[0]!.at) / 300 + 2);
    expect(await hub.violations()).toEqual([]);
    expect(await hub.agents()).toEqual([]);
  });

  test.concurrent("a failed job runs its on-fail epilogues, and its request is removed from the disk", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await scene.readyAgent();
    const id = await hub.submit({
      commands: ["echo before", "(exit 7)", "touch never"],
      epilogue_always_commands: ["echo always $SEMAPHORE_JOB_RESULT"],
      epilogue_on_pass_commands: ["touch never"],
      epilogue_on_fail_commands: ["echo on fail"],
    });
    expect((await hub.done(id)).result).toBe("failed");
    expect(outline(await hub.log(id)).slice(3)).toEqual([
      "[echo before] 0: before\n",
      "[(exit 7)] 7: ",
      "[Exporting environment variables] 0: Exporting SEMAPHORE_JOB_RESULT\n",
      "[echo always $SEMAPHORE_JOB_RESULT] 0: always failed\n",
      "[echo on fail] 0: on fail\n",
      "end failed",
    ]);
    expect(existsSync(path.join(scene.tester.home, "never"))).toBe(false);
    await until("the request is removed", async () => {
      const files = await readdir(scene.stateDirectory, { recursive: true });
      return (
        files.some((file) => file.endsWith(".ndjson")) && !files.some((file) => file.endsWith("request.json"))
      );
    });
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("many jobs run once each, in order, under one registration", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    const ids = [];
    for (let index = 0; index < 8; index++)
      ids.push(await hub.submit({ commands: [`echo ${index} >> ran`] }));
    await scene.readyAgent();
    for (const id of ids) expect((await hub.done(id)).result).toBe("passed");
    expect(await readFile(path.join(scene.tester.home, "ran"), "utf8")).toBe("0\n1\n2\n3\n4\n5\n6\n7\n");
    expect((await hub.calls()).filter(({ endpoint }) => endpoint === "register")).toHaveLength(1);
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("exit code 130 lets a job determine its own result", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await scene.readyAgent();
    const id = await hub.submit({
      commands: ["export SEMAPHORE_JOB_RESULT=passed; (exit 130)", "touch never"],
    });
    expect((await hub.done(id)).result).toBe("passed");
    expect(outline(await hub.log(id)).slice(4)).toEqual([
      "[Checking job result] 0: SEMAPHORE_JOB_RESULT=passed - stopping job and marking it as passed",
      "end passed",
    ]);
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("10,000 lines and a line of a megabyte are delivered completely", async () => {
    await using scene = await createScene();
    const { hub } = scene;
    await scene.readyAgent();
    const id = await hub.submit({
      commands: [
        "seq 1 10000",
        "head -c 1000000 /dev/zero | tr '\\0' x; echo",
        "printf 'é€😀\\n%.0s' $(seq 1 3000)",
      ],
    });
    expect((await hub.done(id)).result).toBe("passed");
    const events = await hub.log(id);
    const [numbers, line, letters] = outline(events).slice(3);
    expect(numbers).toBe(
      `[seq 1 10000] 0: ${Array.from({ length: 10_000 }, (_, index) => `${index + 1}\n`).join("")}`,
    );
    expect(line!.endsWith(`0: ${"x".repeat(1_000_000)}\n`)).toBe(true);
    expect(letters!.endsWith(`0: ${"é€😀\n".repeat(3000)}`)).toBe(true);
    expect(await scene.keptLog(id)).toEqual(events);
    expect(await hub.violations()).toEqual([]);
  });

  test.concurrent("the server after September 2026 rejects no call", async () => {
    await using scene = await createScene({ hub: ["--generation", "new"] });
    const { hub } = scene;
    const agent = await scene.readyAgent(["--disconnect-after-job"]);
    const id = await hub.submit({ commands: ["echo '<&>'"] });
    expect((await agent.finished).exitCode).toBe(0);
    expect((await hub.job(id)).result).toBe("passed");
    expect(outline(await hub.log(id))[3]).toBe("[echo '<&>'] 0: <&>\n");
    const statuses = new Set((await hub.calls()).map(({ status }) => status));
    expect([...statuses].toSorted()).toEqual([200, 201]);
    expect(await hub.violations()).toEqual([]);
  });
});
