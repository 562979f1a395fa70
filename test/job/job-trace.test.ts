import { describe, expect, test } from "bun:test";
import type { HookEvents } from "../../src/core/contracts/hooks.ts";
import type { ExecutorContext } from "../../src/core/contracts/executor.ts";
import type { JobRequest } from "../../src/core/contracts/job-request.ts";
import type { JobLog } from "../../src/core/contracts/job-log.ts";
import { definePlugin, type PluginContext } from "../../src/core/contracts/plugin.ts";
import { createDummyExecutor } from "../../src/testing/index.ts";
import { openHost } from "../plugins/fixtures.ts";
import { commands, type JobRun, runJob } from "./fixtures.ts";

interface Traced {
  readonly blocks: HookEvents["job:block"][];
  readonly phases: HookEvents["job:phase"][];
}

/** Runs a job and returns what a tracing plugin has received, with the job's summary and log. */
async function trace(request: Partial<JobRequest>, options: JobRun = {}) {
  const traced: Traced = { blocks: [], phases: [] };
  const run = await runJob(request, {
    ...options,
    setup(ctx) {
      ctx.hook("job:block", (event) => void traced.blocks.push(event));
      ctx.hook("job:phase", (event) => void traced.phases.push(event));
      options.setup?.(ctx);
    },
  });
  return { ...run, ...traced };
}

const toPhases = ({ phases }: Traced) => phases.map(({ phase, isOk }) => `${phase} ${isOk}`);

describe("job:phase", () => {
  test("is fired for each phase of a job, in order, and the phases follow each other", async () => {
    const traced = await trace({ commands: commands("print one") });
    expect(toPhases(traced)).toEqual([
      "accept true",
      "start-executor true",
      "export true",
      "files true",
      "prepare true",
      "commands true",
      "epilogues true",
      "finish true",
      "dispose true",
    ]);
    const { startedAt, finishedAt } = traced.summary.times;
    let last = startedAt;
    for (const phase of traced.phases) {
      expect(phase.startedAt).toBeGreaterThanOrEqual(last);
      expect(phase.durationMs).toBeGreaterThanOrEqual(0);
      last = phase.startedAt;
    }
    // Times are whole milliseconds.
    expect(last).toBeLessThanOrEqual(finishedAt + 1);
  });

  test("names the phase that failed, and leaves out those that were not reached", async () => {
    expect(toPhases(await trace({ commands: commands("fail start") }))).toEqual([
      "accept true",
      "start-executor false",
      "finish true",
      "dispose true",
    ]);
    expect(
      toPhases(await trace({ commands: commands("print begun", "sleep 60") }, { stopAt: "begun" })).slice(5),
    ).toEqual(["commands false", "finish false", "dispose false"]);
  });
});

describe("job:block", () => {
  test("is fired for every block of the log with its source, phase and exit code", async () => {
    const pulling = {
      create(context: ExecutorContext) {
        const dummy = createDummyExecutor(context);
        return {
          ...dummy,
          async start(signal: AbortSignal) {
            await context.log.command("Pulling images", () => 0);
            return dummy.start(signal);
          },
        };
      },
    };
    const traced = await trace(
      { commands: commands("print one", "exit 3"), epilogueOnFail: commands("print last") },
      {
        executor: pulling,
        settings: { jobReport: true },
        setup(ctx) {
          ctx.hook("job:start", async ({ log }) => void (await log.command("Asking", () => 0)));
          ctx.hook("job:prepare", async ({ run }) => void (await run("print hook", { alias: "My hook" })));
          ctx.hook("job:finish", async ({ log }) => {
            await log
              .command("Failing", () => {
                throw new Error("boom");
              })
              .catch(() => {});
          });
        },
      },
    );
    const plugin = { kind: "plugin", plugin: "listener" };
    const core = { kind: "core" };
    const command = (phase: string, index: number) => ({ kind: "command", phase, index });
    expect(
      traced.blocks.map(({ phase, directive, source, exitCode }) => [phase, directive, source, exitCode]),
    ).toEqual([
      ["accept", "Asking", plugin, 0],
      ["start-executor", "Pulling images", { kind: "executor" }, 0],
      ["export", "Exporting environment variables", core, 0],
      ["files", "Injecting Files", core, 0],
      ["prepare", "My hook", plugin, 0],
      ["commands", "print one", command("commands", 0), 0],
      ["commands", "exit 3", command("commands", 1), 3],
      ["epilogues", "Exporting environment variables", core, 0],
      ["epilogues", "print last", command("epilogue-on-fail", 0), 0],
      ["finish", "Failing", plugin, 1],
      ["finish", "Job report", core, 0],
    ] as never);
    const inLog = traced.events.filter(({ event }) => event === "cmd_finished");
    expect(inLog).toHaveLength(traced.blocks.length);
    for (const { startedAt, durationMs, phase } of traced.blocks) {
      const around = traced.phases.find((each) => each.phase === phase)!;
      expect(startedAt).toBeGreaterThanOrEqual(around.startedAt);
      // Start times are whole milliseconds.
      expect(startedAt + durationMs).toBeLessThanOrEqual(around.startedAt + around.durationMs + 2);
    }
  });

  test("names each of two plugins", async () => {
    const add = (title: string) => (ctx: PluginContext) =>
      ctx.hook("job:start", async ({ log }) => void (await log.command(title, () => 0)));
    const other = definePlugin({ name: "other", setup: add("Two") });
    const traced = await trace({}, { setup: add("One"), others: [other] });
    expect(traced.blocks.slice(0, 2).map(({ directive, source }) => [directive, source])).toEqual([
      ["One", { kind: "plugin", plugin: "listener" }],
      ["Two", { kind: "plugin", plugin: "other" }],
    ]);
  });

  test("is not fired for blocks that its own listeners add, so that it ends", async () => {
    const traced: string[] = [];
    let jobLog: JobLog | undefined;
    const { blocks, summary } = await runJob(
      { commands: commands("print one") },
      {
        setup(ctx) {
          ctx.hook("job:start", ({ log }) => void (jobLog = log));
          ctx.hook("job:block", async ({ directive }) => {
            traced.push(directive);
            await jobLog?.command(`After ${directive}`, () => 0);
          });
        },
      },
    );
    expect(summary.result).toBe("passed");
    expect(traced).not.toContain("After print one");
    expect(blocks).toContain("After print one → 0: ");
  });

  test("is fired for a block that the end of the log closes, whose listener cannot keep the log open", async () => {
    const seen: string[] = [];
    const setup = (ctx: PluginContext) => {
      let jobLog: JobLog | undefined;
      ctx.hook("job:finish", ({ log }) => {
        jobLog = log;
        void log.command("for ever", () => new Promise(() => {}));
      });
      ctx.hook("job:block", async ({ directive, exitCode }) => {
        seen.push(`${directive} ${exitCode}`);
        await jobLog?.command("late", () => 0);
      });
    };
    const { events, summary } = await runJob({}, { setup });
    expect(summary.result).toBe("passed");
    expect(seen).toContain("for ever 1");
    expect(events.at(-1)).toMatchObject({ event: "job_finished", result: "passed" });
    expect(JSON.stringify(events)).not.toContain("late");
  });

  test("of a slow listener does not count as time of the command", async () => {
    let waited = 0;
    const durations: number[] = [];
    await runJob(
      { commands: commands("print one") },
      {
        setup(ctx) {
          ctx.hook("job:block", async () => {
            const begun = performance.now();
            await Bun.sleep(200);
            waited = performance.now() - begun;
          });
          ctx.hook("command:end", ({ durationMs }) => void durations.push(durationMs));
        },
      },
    );
    expect(durations).toHaveLength(1);
    expect(durations[0]).toBeLessThan(waited);
  });

  test("of a listener that throws does not affect the job", async () => {
    const { summary, logs } = await runJob(
      { commands: commands("print one") },
      {
        setup: (ctx) =>
          ctx.hook("job:block", () => {
            throw new Error("boom");
          }),
      },
    );
    expect(summary.result).toBe("passed");
    expect(logs.map(({ message }) => message)).toContain('plugin "listener" failed in job:block: boom');
  });
});

test("a listener of job:block that hangs is not called again, and the others are", async () => {
  let hung = 0;
  let called = 0;
  const hanging = definePlugin({
    name: "hanging",
    setup: (ctx) =>
      ctx.hook(
        "job:block",
        () => {
          hung += 1;
          return new Promise(() => {});
        },
        { timeoutMs: 20 },
      ),
  });
  const other = definePlugin({
    name: "other",
    setup: (ctx) => ctx.hook("job:block", () => void (called += 1)),
  });
  await using host = await openHost([hanging, other]);
  for (let block = 0; block < 3; block += 1) await host.call("job:block", {} as never);
  expect([hung, called]).toEqual([1, 3]);
});

test("every event of a job has the slot, the executor that runs it, and the agent", async () => {
  const events: HookEvents["job:start"][] = [];
  await runJob(
    { executor: "replaced", commands: commands("print one") },
    {
      settings: { slot: 2, agentName: "agent-3", stateDirectory: "/state", executors: { replaced: "shell" } },
      setup(ctx) {
        const names = ["job:start", "job:prepare", "command:start", "command:end", "job:block"] as const;
        for (const name of [...names, "job:phase", "job:finish", "job:end"] as const)
          ctx.hook(name, (event) => void events.push(event as HookEvents["job:start"]));
      },
    },
  );
  expect(events.length).toBeGreaterThan(10);
  for (const event of events)
    expect(event).toMatchObject({
      slot: 2,
      executor: "shell",
      agent: { id: "test-agent", name: "agent-3", stateDirectory: "/state" },
    });
});
