import type { Job } from "../../src/job/job.ts";
import { describe, expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createHost } from "../../src/core/host/host.ts";
import type { JobRequest } from "../../src/core/contracts/job-request.ts";
import type { ExecutorFactory } from "../../src/core/contracts/executor.ts";
import { definePlugin, type Plugin, type PluginContext } from "../../src/core/contracts/plugin.ts";
import { executor, jobPolicy, logFilter } from "../../src/core/contracts/services.ts";
import { AgentError } from "../../src/core/errors.ts";
import { openJob } from "../../src/job/open.ts";
import { createDummyExecutor, dummyExecutor, jobRequest, silentLogger } from "../../src/testing/index.ts";
import { commands, type JobRun, runJob, settings, secretMask } from "./fixtures.ts";

const refuse = (hook: "job:start" | "job:prepare", error: Error) => (ctx: PluginContext) =>
  ctx.hook(hook, () => {
    throw error;
  });

/** The dummy executor whose member does this. */
const withExport = (exportEnvironment: () => Promise<number>): ExecutorFactory => ({
  create: (context) => ({ ...createDummyExecutor(context), exportEnvironment }),
});

describe("the cause of a job that does not pass", () => {
  test.each<[string, Partial<JobRequest>, JobRun, object]>([
    [
      "is the command that failed",
      { commands: commands("print one", "exit 3", "print never") },
      {},
      {
        kind: "command",
        message: "command 2 exited with status 3",
        command: { phase: "commands", index: 1 },
        exitCode: 3,
      },
    ],
    [
      "is the failed command also when an epilogue fails after it",
      { commands: commands("exit 3"), epilogueAlways: commands("exit 4") },
      {},
      { kind: "command", command: { phase: "commands", index: 0 }, exitCode: 3 },
    ],
    [
      "is the refusal of a plugin",
      { commands: commands("print never") },
      { setup: refuse("job:start", new AgentError("JOB_REFUSED", "no jobs on Fridays")) },
      { kind: "refused", message: "no jobs on Fridays" },
    ],
    [
      "is the refusal of a policy",
      { commands: commands("print never") },
      { setup: (ctx) => ctx.provide(jobPolicy, "none", { check: () => "no jobs at all" }) },
      { kind: "refused", message: "no jobs at all" },
    ],
    [
      "is the plugin that failed before the job",
      {},
      { setup: refuse("job:start", new Error("boom")) },
      { kind: "plugin", message: expect.stringContaining('plugin "listener" failed in job:start') },
    ],
    [
      "is the plugin that failed before the first command",
      {},
      { setup: refuse("job:prepare", new Error("boom")) },
      { kind: "plugin", message: expect.stringContaining('plugin "listener" failed in job:prepare') },
    ],
    [
      "is the check that a plugin has shown in the log",
      {},
      { setup: refuse("job:prepare", new AgentError("JOB_FAILED", "the pre-job hook failed")) },
      { kind: "prepare", message: expect.stringContaining("the pre-job hook failed") },
    ],
    [
      "is the variable that cannot be exported",
      { env: [{ name: "A", value: "%" }] },
      {},
      { kind: "prepare", message: "the environment variables could not be exported" },
    ],
    [
      "is the file that cannot be injected",
      { files: [{ path: "a", content: "", mode: "rw" }] },
      {},
      { kind: "prepare", message: "the files could not be injected" },
    ],
    [
      "is the executor that throws at its start",
      { commands: commands("fail start") },
      {},
      { kind: "executor", message: expect.stringContaining("the dummy executor cannot start") },
    ],
    [
      "is the executor that is unknown",
      { executor: "nowhere" },
      {},
      { kind: "executor", message: expect.stringContaining('no executor named "nowhere"') },
    ],
    [
      "is the executor that throws in a command",
      { commands: commands("print one", "fail run") },
      {},
      {
        kind: "executor",
        message: expect.stringContaining("the dummy executor failed"),
        command: { phase: "commands", index: 1 },
      },
    ],
    [
      "is the executor that throws while it exports",
      {},
      { executor: withExport(() => Promise.reject(new Error("no disk"))) },
      { kind: "executor", message: expect.stringContaining("no disk") },
    ],
    [
      "is the executor that returns a failure of its start",
      {},
      { executor: { create: (context) => ({ ...createDummyExecutor(context), start: async () => 1 }) } },
      { kind: "executor", message: 'executor "shell" could not be started' },
    ],
    [
      "is the result that the job has set",
      { commands: commands("exit 130") },
      {},
      { kind: "result", message: 'the job set its result to "stopped"', exitCode: 130 },
    ],
    [
      "is the stop",
      { commands: commands("print started", "sleep 60") },
      { stopAt: "started" },
      { kind: "stopped", message: "a test has stopped the job" },
    ],
  ])("%s", async (_, request, options, cause) => {
    const { summary } = await runJob(request, options);
    expect(summary.result).not.toBe("passed");
    expect(summary.cause).toMatchObject(cause);
  });

  test("is missing in a job that passed, also with a failed epilogue", async () => {
    const { summary } = await runJob({ commands: commands("print one"), epilogueAlways: commands("exit 1") });
    expect(summary.result).toBe("passed");
    expect(summary.cause).toBeUndefined();
  });

  test("is the claim time-out that stopped the job, and files that were changed", async () => {
    expect(
      (
        await runOpen((job) =>
          job.stop({ by: "agent", reason: "no agent has claimed the job", isTimeout: true }),
        )
      ).cause,
    ).toEqual({
      kind: "timeout",
      message: "no agent has claimed the job",
    });
    const changed = await runOpen(() => {}, { findTampering: () => "another process changed the log" });
    expect(changed.cause).toEqual({ kind: "tampered", message: "another process changed the log" });
  });

  test("is one line of 500 characters at most, with secrets masked as in the log", async () => {
    const message = `the token s3cret is wrong\n\u001b[2J${"x".repeat(5000)}`;
    const { cause } = await runOpen(() => {}, {
      setup(ctx) {
        refuse("job:start", new AgentError("JOB_REFUSED", message))(ctx);
        ctx.provide(logFilter, "mask", secretMask);
      },
    });
    expect(cause?.message).toStartWith("the token [MASKED] is wrong ⏎ ␛[2Jxxx");
    expect(cause?.message).toHaveLength(500);
  });
});

describe("the times of a job", () => {
  test("are those of its arrival, its start and its end", async () => {
    const arrival = { assignedAt: 1000, fetchedAt: 2000 };
    const before = Date.now();
    const { times, durationMs } = await runOpen(() => {}, { arrival });
    expect(times).toMatchObject(arrival);
    expect(times.startedAt).toBeWithin(before, Date.now() + 1);
    expect(times.finishedAt).toBe(Math.round(times.startedAt + durationMs));
  });
});

interface OpenOptions {
  readonly setup?: (ctx: PluginContext) => void;
  readonly findTampering?: () => string | undefined;
  readonly arrival?: { readonly assignedAt: number; readonly fetchedAt: number };
}

/** Runs a job that sleeps for a moment; `act` gets it once it runs. */
async function runOpen(
  act: (job: Pick<Job, "stop">) => void,
  { setup, findTampering, arrival = { assignedAt: 1, fetchedAt: 1 } }: OpenOptions = {},
) {
  const plugin = definePlugin({
    name: "tester",
    setup(ctx) {
      ctx.provide(executor, "shell", dummyExecutor);
      setup?.(ctx);
    },
  });
  const origin = { kind: "built-in" } as const;
  await using host = await createHost({
    plugins: [{ plugin: plugin as Plugin, config: {}, origin }],
    roles: ["agent", "job"],
    logger: silentLogger,
  });
  await using open = await openJob(jobRequest({ commands: commands("sleep 0.1") }), {
    host,
    settings,
    arrival,
    logger: silentLogger,
    env: process.env,
    ...(findTampering && { findTampering }),
  });
  const running = open.job.run();
  await sleep(1);
  act(open.job);
  return await running;
}
