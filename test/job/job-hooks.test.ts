import { describe, expect, test } from "bun:test";
import type { HookName } from "../../src/core/contracts/hooks.ts";
import type { ExecutorContext } from "../../src/core/contracts/executor.ts";
import redact from "../../plugins/redact/index.ts";
import shell from "../../plugins/shell/index.ts";
import { executor } from "../../src/core/contracts/services.ts";
import { createDummyExecutor, testPlugin } from "../../src/testing/index.ts";
import { commands, resultExported, runJob } from "./fixtures.ts";

describe("hooks", () => {
  test("are called in the order of a job's lifecycle", async () => {
    const seen: string[] = [];
    const names = [
      "job:start",
      "job:prepare",
      "command:start",
      "command:end",
      "job:finish",
      "job:end",
    ] as const;
    await runJob(
      { commands: commands("print one"), epilogueOnPass: commands("exit 2") },
      {
        setup(ctx) {
          const note = (name: HookName) =>
            ctx.hook(name, (event) => {
              const { phase, exitCode, result, session } = event as unknown as Record<string, unknown>;
              seen.push(
                [name, phase, exitCode, result, session].filter((part) => part !== undefined).join(" "),
              );
            });
          for (const name of names) note(name);
        },
      },
    );
    expect(seen).toEqual([
      "job:start",
      "job:prepare",
      "command:start commands",
      "command:end commands 0",
      "command:start epilogue-on-pass",
      "command:end epilogue-on-pass 2",
      "job:finish passed open",
      "job:end passed",
    ]);
  });

  test("can run commands in the session under an alias and add blocks to the log", async () => {
    const { blocks } = await runJob(
      { commands: commands("print $FROM_HOOK") },
      {
        setup(ctx) {
          ctx.hook("job:prepare", async ({ run, log }) => {
            expect(
              await run("export FROM_HOOK=yes", { alias: "My hook", preface: "Warning: careful\n" }),
            ).toBe(0);
            await log.command("My block", (output) => {
              output("text\n");
              return 4;
            });
          });
          ctx.hook("job:finish", async ({ run }) => {
            expect(await run("print bye")).toBe(0);
          });
        },
      },
    );
    expect(blocks.slice(2)).toEqual([
      "My hook → 0: Running: export FROM_HOOK=yes\nWarning: careful\n",
      "My block → 4: text\n",
      "print $FROM_HOOK → 0: yes\n",
      resultExported,
      "print bye → 0: bye\n",
    ]);
  });

  test("can capture the output of commands between two of the job, without a line in the log", async () => {
    const captured: string[] = [];
    let late: (() => Promise<string>) | undefined;
    await using t = await testPlugin(redact, { with: [shell] });
    const { blocks, summary } = await runJob(
      { commands: commands("set -eu; export A=1", "echo $A") },
      {
        executor: t.use(executor, "shell"),
        setup(ctx) {
          ctx.hook("command:start", async ({ index, capture }) => {
            const asked = [capture("echo one ${A-}"), capture("false || echo two")];
            if (index === 1) captured.push(...(await Promise.all(asked)));
            late = () => capture("echo late");
          });
        },
      },
    );
    expect(captured).toEqual(["one 1\n", "two\n"]);
    expect(blocks.slice(2, 4)).toEqual(["set -eu; export A=1 → 0: ", "echo $A → 0: 1\n"]);
    expect(summary.result).toBe("passed");
    expect(late!).toThrow("command:start is over");
  });

  test("of kind notice that throw do not affect the job", async () => {
    const { summary, logs } = await runJob(
      { commands: commands("print one") },
      {
        setup: (ctx) =>
          ctx.hook("command:start", () => {
            throw new Error("boom");
          }),
      },
    );
    expect(summary.result).toBe("passed");
    expect(logs.some(({ message }) => message.includes("boom"))).toBe(true);
  });

  test("that leave a block open do not prevent the end of the log", async () => {
    const { events, summary } = await runJob(
      {},
      {
        setup: (ctx) =>
          ctx.hook("job:finish", ({ log }) => void log.command("for ever", () => new Promise(() => {}))),
      },
    );
    expect(summary.result).toBe("passed");
    expect(events.slice(-2)).toMatchObject([
      { event: "cmd_finished", directive: "for ever", exit_code: 1 },
      { event: "job_finished", result: "passed" },
    ]);
  });
});

describe("an executor that pulls an image", () => {
  const pull = { image: "ruby:3", durationMs: 2000, isOk: true };
  /** The dummy executor, which first reports an image pull. */
  const pulling = {
    create(context: ExecutorContext) {
      const dummy = createDummyExecutor(context);
      return {
        ...dummy,
        async start(signal: AbortSignal) {
          await context.imagePulled(pull);
          return dummy.start(signal);
        },
      };
    },
  };

  test("notifies the listeners of image hooks", async () => {
    const heard: unknown[] = [];
    const { summary } = await runJob(
      { id: "a-job" },
      { executor: pulling, setup: (ctx) => ctx.hook("image:pulled", (event) => void heard.push(event)) },
    );
    expect(heard).toMatchObject([{ job: { id: "a-job" }, ...pull }]);
    expect(summary.result).toBe("passed");
  });

  test("continues when a listener fails", async () => {
    const { summary, logs } = await runJob(
      {},
      {
        executor: pulling,
        setup: (ctx) =>
          ctx.hook("image:pulled", () => {
            throw new Error("boom");
          }),
      },
    );
    expect(summary.result).toBe("passed");
    expect(logs.map(({ message }) => message)).toContain('plugin "listener" failed in image:pulled: boom');
  });
});
