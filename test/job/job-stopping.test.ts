import { describe, expect, test } from "bun:test";
import type { JobStoppingEvent } from "../../src/index.ts";
import type { PluginContext } from "../../src/core/contracts/plugin.ts";
import { untilAborted } from "../../src/core/aborted.ts";
import { findStopCause } from "../../src/core/stop-cause.ts";
import type { Job } from "../../src/job/job.ts";
import { createDummyExecutor, environmentVariable } from "../../src/testing/index.ts";
import { byControlPlane, commands, injected, type JobRun, runJob } from "./fixtures.ts";

type Listen = (event: JobStoppingEvent) => void | Promise<void>;

/** Runs a job that is stopped while it sleeps. */
async function runStopped(
  listen: Listen | readonly Listen[],
  options: JobRun & { readonly timeoutMs?: number; readonly sleep?: string } = {},
) {
  const { timeoutMs, sleep = "sleep 600", setup, ...rest } = options;
  const result = await runJob(
    {
      env: [environmentVariable("NAME", "beside")],
      commands: commands(sleep, "print never"),
      epilogueAlways: commands("print never"),
    },
    {
      stopAt: `"${sleep}"`,
      setup(ctx) {
        setup?.(ctx);
        for (const each of [listen].flat())
          ctx.hook("job:stopping", each, timeoutMs === undefined ? {} : { timeoutMs });
      },
      ...rest,
    },
  );
  expect(result.summary.result).toBe("stopped");
  expect(JSON.stringify(result.events)).not.toContain("never");
  // Without the blocks before the first command.
  return { ...result, blocks: result.blocks.slice(result.blocks.indexOf(injected) + 1) };
}

const toFault = (text: string) => `Ending the job → 1: [signalman: ${text}]\n`;

describe("job:stopping", () => {
  test("is fired while the command runs, with the cause; its command is in the block of the running one", async () => {
    const seen: unknown[] = [];
    const { blocks } = await runStopped(async ({ run, signal, cause, budgetMs, job }) => {
      const codes = [await run("print $NAME"), await run("exit 3", { alias: "leaving" })];
      seen.push(codes, signal.aborted, cause, budgetMs > 20_000 && budgetMs <= 30_000, job.name);
    });
    expect(seen).toEqual([[0, 3], false, byControlPlane, true, "a job"]);
    expect(blocks).toEqual([
      `sleep 600 → 1: [signalman: stopping: print $NAME]\nbeside\n[signalman: stopping: leaving]\nRunning: exit 3\n[signalman: exit code 3: leaving]\n`,
    ]);
  });

  test("delays the end of the executor, and the signals of the job have aborted", async () => {
    const order: string[] = [];
    await runStopped(
      async ({ job }) => {
        order.push(`stopping ${job.id !== ""}`);
        await Bun.sleep(20);
        order.push("stopping ends");
      },
      {
        setup: (ctx) => ctx.hook("job:end", ({ signal }) => void order.push(findStopCause(signal)!.by)),
        executor: {
          create(context) {
            const inner = createDummyExecutor(context);
            return {
              ...inner,
              stop(graceMs) {
                order.push("executor.stop");
                return inner.stop(graceMs);
              },
            };
          },
        },
      },
    );
    // A stop may be repeated.
    expect([...new Set(order)]).toEqual(["stopping true", "stopping ends", "executor.stop", "control-plane"]);
  });

  test("has a block of its own when no command runs; the job is stopped though its commands have ended", async () => {
    const ended = Promise.withResolvers<void>();
    const { blocks } = await runStopped(
      async ({ run, log }) => {
        await ended.promise;
        await Bun.sleep(1);
        await run("print $NAME");
        await log.command("a block", (output) => (output("text"), 0));
      },
      {
        sleep: "sleep 0.1",
        setup: (ctx) => ctx.hook("command:end", () => ended.resolve()),
      },
    );
    expect(blocks).toEqual(["sleep 0.1 → 0: ", "print $NAME → 0: beside\n", "a block → 0: text"]);
  });

  test("keeps the block of a command that ends meanwhile open until its own output is complete", async () => {
    const { blocks } = await runStopped(
      async ({ log }) => {
        await log.command("slow", async (output) => {
          output("begun\nhal");
          await Bun.sleep(300);
          output("f\nend");
          return 0;
        });
      },
      { sleep: "sleep 0.1" },
    );
    expect(blocks).toEqual(["sleep 0.1 → 0: [signalman: stopping: slow]\nbegun\nhalf\nend\n"]);
  });

  test("logs what a listener throws in both logs; the others are called and the stop goes on", async () => {
    const called: string[] = [];
    const { blocks, logs } = await runStopped([
      () => {
        throw new Error("boom");
      },
      () => void called.push("second"),
    ]);
    expect(called).toEqual(["second"]);
    expect(blocks.slice(1)).toEqual([toFault('plugin "listener" failed in job:stopping: boom')]);
    expect(logs.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  test("gives each listener its time, after which its commands end and the plugin is named", async () => {
    const codes: number[] = [];
    const seen: boolean[] = [];
    const hang: Listen = async ({ run, signal }) => {
      codes.push(await run("sleep 600"));
      seen.push(signal.aborted, findStopCause(signal)?.by === "control-plane");
      codes.push(await run("print too late"));
      await new Promise(() => {});
    };
    const { blocks } = await runStopped([hang, async ({ run }) => void codes.push(await run("exit 7"))], {
      timeoutMs: 50,
    });
    expect(codes).toEqual([1, 1, 7]);
    expect(seen).toEqual([true, true]);
    expect(blocks.slice(1)).toEqual([
      toFault(`plugin "listener" did not return from job:stopping within 1.05 s`),
    ]);
    expect(blocks[0]).not.toContain("too late");
  });

  test("ends the blocks that a listener has left open", async () => {
    for (const sleep of ["sleep 600", "sleep 0.1"]) {
      const { blocks } = await runStopped(
        async ({ log }) => {
          await Bun.sleep(200);
          void log.command("endless", async (output) => {
            output("begun\n");
            return new Promise<never>(() => {});
          });
          await Bun.sleep(1);
        },
        { sleep },
      );
      const [first = "", own = ""] = blocks;
      const shown = sleep === "sleep 600" ? first : own;
      expect(shown).toContain("begun\n");
      expect(blocks).toHaveLength(sleep === "sleep 600" ? 1 : 2);
    }
  });

  test("has a limit for all listeners together", async () => {
    const called: number[] = [];
    const { blocks } = await runStopped(
      [
        async ({ budgetMs, signal }) => {
          called.push(budgetMs);
          await untilAborted(signal);
        },
        ({ budgetMs }) => void called.push(budgetMs),
      ],
      { settings: { stopHookMs: 60 }, timeoutMs: 600_000 },
    );
    expect(called).toHaveLength(1);
    expect(called[0]).toBeLessThanOrEqual(60);
    const reason = "the time of stop-hook-timeout is over";
    expect(blocks.slice(1)).toEqual([toFault(`plugin "listener" could not act before the stop: ${reason}`)]);
  });

  test("is cut by a kill, and called once for several stops", async () => {
    let count = 0;
    let job: Job | undefined;
    const reasons: unknown[] = [];
    await runStopped(
      async ({ signal }) => {
        count += 1;
        job!.stop(byControlPlane);
        setTimeout(() => job!.kill({ by: "operator", reason: "killed" }), 10);
        await untilAborted(signal);
        reasons.push(findStopCause(signal));
        await new Promise(() => {});
      },
      { onJob: (it) => (job = it) },
    );
    expect(count).toBe(1);
    expect(reasons).toEqual([{ by: "operator", reason: "killed" }]);
  });

  test("is not fired before the job has a session, nor after its result is known", async () => {
    let count = 0;
    const setup = (ctx: PluginContext) => ctx.hook("job:stopping", () => void (count += 1));
    for (const stopAt of ["starting", "job_finished"]) {
      await runJob(
        { commands: commands("print one") },
        {
          stopAt,
          setup,
          executor: {
            create: (context) => ({
              ...createDummyExecutor(context),
              async start(signal) {
                await context.log.command("starting", () => 0);
                if (stopAt === "starting") await untilAborted(signal);
                return signal.aborted ? 1 : 0;
              },
            }),
          },
        },
      );
    }
    expect(count).toBe(0);
  });

  test("lets no hook of the job run a command meanwhile, and awaits such hooks", async () => {
    const codes: number[] = [];
    const order: string[] = [];
    const { summary, blocks } = await runJob(
      { commands: commands("print never") },
      {
        stopAt: "preparing",
        settings: { stopGraceMs: 30 },
        setup(ctx) {
          ctx.hook("job:prepare", async ({ log, run, signal }) => {
            await log.command("preparing", () => 0);
            await untilAborted(signal);
            codes.push(await run("print not in the session"));
            order.push("prepared");
          });
          ctx.hook("job:stopping", async ({ run }) => {
            await Bun.sleep(60);
            codes.push(await run("exit 5"));
            order.push("stopped");
          });
        },
      },
    );
    expect(summary.result).toBe("stopped");
    expect(codes).toEqual([5, 1]);
    expect(order).toEqual(["stopped", "prepared"]);
    expect(JSON.stringify(blocks)).not.toContain("had not returned");
  });

  test("says in the log when the executor has one session only, or the session does not open", async () => {
    const open = (own: object) =>
      runStopped(async ({ run }) => void expect(await run("print beside")).toBe(1), {
        executor: { create: (context) => ({ ...createDummyExecutor(context), ...own }) },
      });
    expect((await open({ openSession: undefined })).blocks[0]).toContain(
      '[signalman: executor "shell" has one session only, so that the command does not run]\n[signalman: exit code 1: print beside]\n',
    );
    const openSession = async () => {
      throw new Error("no further terminal");
    };
    expect((await open({ openSession })).blocks[0]).toMatch(
      /\[signalman: plugin "provider" .*no further terminal\]\n/,
    );
    const { blocks } = await runStopped(async ({ run }) => void (await run("print beside")), {
      timeoutMs: 30,
      executor: {
        create: (context) => ({ ...createDummyExecutor(context), openSession: () => new Promise(() => {}) }),
      },
    });
    expect(blocks).toHaveLength(1);
  });
});
