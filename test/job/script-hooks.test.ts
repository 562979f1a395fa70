import { describe, expect, test } from "bun:test";
import { AgentError } from "../../src/core/errors.ts";
import { commands, runJob } from "./fixtures.ts";

describe("a plugin that fails a job after logging the reason", () => {
  test("adds no block; no command runs, the epilogues do", async () => {
    const { blocks, summary, logs } = await runJob(
      { commands: commands("print never"), epilogueOnFail: commands("print on fail") },
      {
        setup: (ctx) =>
          ctx.hook("job:prepare", async ({ run }) => {
            await run("exit 3", { alias: "My script" });
            throw new AgentError("JOB_FAILED", "my script ended with exit code 3");
          }),
      },
    );
    expect(blocks.slice(2)).toEqual([
      "My script → 3: Running: exit 3\n",
      "Exporting environment variables → 0: Exporting SEMAPHORE_JOB_RESULT\n",
      "print on fail → 0: on fail\n",
    ]);
    expect(summary.result).toBe("failed");
    expect(logs.filter(({ level }) => level === "error").map(({ message }) => message)).toEqual([
      'plugin "listener" failed in job:prepare: my script ended with exit code 3',
    ]);
  });

  test("is not reported for a job that was stopped meanwhile", async () => {
    const { summary, logs } = await runJob(
      {},
      {
        stopAt: "My script",
        setup: (ctx) =>
          ctx.hook("job:prepare", async ({ run }) => {
            const exitCode = await run("sleep 60", { alias: "My script" });
            throw new AgentError("JOB_FAILED", `my script ended with exit code ${exitCode}`);
          }),
      },
    );
    expect(summary.result).toBe("stopped");
    expect(logs.filter(({ level }) => level === "error")).toEqual([]);
  });
});

test("no new session is opened after a session that failed to start", async () => {
  const codes: number[] = [];
  const { blocks } = await runJob(
    { commands: commands("fail start") },
    {
      setup: (ctx) =>
        ctx.hook("job:finish", async ({ run }) => {
          codes.push(await run("print never", { alias: "My last words", fresh: true }));
        }),
    },
  );
  expect(codes).toEqual([1]);
  expect(blocks).toEqual([expect.stringContaining("Starting the shell executor")]);
});
