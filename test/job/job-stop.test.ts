import { describe, expect, test } from "bun:test";
import { createDummyExecutor, environmentVariable } from "../../src/testing/index.ts";
import { commands, exported, injected, runJob } from "./fixtures.ts";

describe("a stop", () => {
  test("ends the running command with 1 and the job as stopped, without epilogues", async () => {
    const { blocks, summary, events } = await runJob(
      {
        commands: commands("sleep 60", "print never"),
        epilogueAlways: commands("print never"),
        epilogueOnFail: commands("print never"),
      },
      { stopAt: '"sleep 60"' },
    );
    expect(blocks).toEqual([exported, injected, "sleep 60 → 1: "]);
    expect(summary.result).toBe("stopped");
    expect(events.at(-1)).toMatchObject({ event: "job_finished", result: "stopped" });
  });

  for (const [moment, at] of Object.entries({
    "before anything ran": "job_started",
    "while variables are exported": "Exporting environment",
    "while files are injected": "Injecting Files",
    "during the epilogues": "the epilogue",
  })) {
    test(`${moment} stops the job with all blocks closed`, async () => {
      const { summary, events } = await runJob(
        { commands: commands("sleep 0.05"), epilogueAlways: commands("print the epilogue", "sleep 60") },
        { stopAt: at },
      );
      expect(summary.result).toBe("stopped");
      expect(events.at(-1)).toMatchObject({ event: "job_finished", result: "stopped" });
    });
  }

  test("takes effect during job:start, before there is an executor", async () => {
    let started = false;
    const { summary } = await runJob(
      { commands: commands("print never") },
      {
        stopAt: "looking",
        setup: (ctx) =>
          ctx.hook("job:start", async ({ log }) => {
            await log.command("looking", () => 0);
            await Bun.sleep(50);
          }),
        executor: {
          create: (context) => {
            started = true;
            return createDummyExecutor(context);
          },
        },
      },
    );
    expect(summary.result).toBe("stopped");
    expect(started).toBe(false);
  });

  test("calls job:finish with a closed session, in which no command runs", async () => {
    const seen: unknown[] = [];
    const { summary } = await runJob(
      { commands: commands("sleep 60") },
      {
        stopAt: '"sleep 60"',
        setup: (ctx) =>
          ctx.hook("job:finish", async ({ session, run }) => void seen.push(session, await run("print x"))),
      },
    );
    expect(seen).toEqual(["closed", 1]);
    expect(summary.result).toBe("stopped");
  });
});

test("plugins can open a new session with the job's environment after a stop", async () => {
  const { blocks, summary } = await runJob(
    { env: [environmentVariable("NAME", "me")], commands: commands("sleep 60") },
    {
      stopAt: '"sleep 60"',
      setup: (ctx) =>
        ctx.hook("job:finish", async ({ run }) => {
          expect(await run("print bye $NAME", { alias: "My last words", fresh: true })).toBe(0);
        }),
    },
  );
  expect(blocks.at(-1)).toBe("My last words → 0: Running: print bye $NAME\nbye me\n");
  expect(summary.result).toBe("stopped");
});
