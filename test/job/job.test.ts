import { describe, expect, test } from "bun:test";
import { AgentError } from "../../src/errors.ts";
import type { HookName } from "../../src/hooks.ts";
import { createDummyExecutor, environmentVariable } from "../../src/testing/index.ts";
import { commands, runJob } from "./fixtures.ts";

const exported = "Exporting environment variables → 0: ";
const injected = "Injecting Files → 0: ";
const resultExported = (result: string) =>
  `Exporting environment variables → 0: Exporting SEMAPHORE_JOB_RESULT\n:${result}`.replace(/:\w+$/, "");

describe("a job's events", () => {
  test("a job without commands passes", async () => {
    const { blocks, summary } = await runJob({});
    expect(blocks).toEqual([exported, injected, resultExported("passed")]);
    expect(summary.result).toBe("passed");
  });

  test("commands run in order until the first that fails, then what belongs to a failure", async () => {
    const { blocks, events, summary } = await runJob({
      env: [environmentVariable("B", "2"), environmentVariable("A", "1")],
      files: [{ path: "/tmp/x", content: "eA==", mode: "0600" }],
      commands: commands("print one", "exit 3", "print never"),
      epilogueAlways: commands("print $SEMAPHORE_JOB_RESULT", "exit 1", "print never"),
      epilogueOnPass: commands("print never"),
      epilogueOnFail: commands("print on fail"),
    });
    expect(blocks).toEqual([
      `${exported}Exporting A\nExporting B\n`,
      `${injected}Injecting /tmp/x with file mode 0600\n`,
      "print one → 0: one\n",
      "exit 3 → 3: ",
      resultExported("failed"),
      "print $SEMAPHORE_JOB_RESULT → 0: failed\n",
      "exit 1 → 1: ",
      "print on fail → 0: on fail\n",
    ]);
    expect(summary.result).toBe("failed");
    expect(events.at(-1)).toMatchObject({ event: "job_finished", result: "failed" });
  });

  test("epilogues that fail do not change the result", async () => {
    const { blocks, summary } = await runJob({
      commands: commands("print one"),
      epilogueAlways: commands("exit 1"),
      epilogueOnPass: commands("print on pass"),
      epilogueOnFail: commands("print never"),
    });
    expect(blocks.slice(3)).toEqual([
      resultExported("passed"),
      "exit 1 → 1: ",
      "print on pass → 0: on pass\n",
    ]);
    expect(summary.result).toBe("passed");
  });

  test("a command with an alias is shown under it, and says what it runs", async () => {
    const { blocks } = await runJob({ commands: [{ directive: "print one", alias: "Greet" }] });
    expect(blocks[2]).toBe("Greet → 0: Running: print one\none\n");
  });

  for (const [value, result] of [
    ["passed", "passed"],
    ["failed", "failed"],
    ["stopped", "stopped"],
    ["", "stopped"],
  ] as const) {
    test(`exit code 130 with SEMAPHORE_JOB_RESULT "${value}" ends the job as ${result}, without epilogues`, async () => {
      const { blocks, summary } = await runJob({
        commands: commands(`export SEMAPHORE_JOB_RESULT=${value}`, "exit 130", "print never"),
        epilogueAlways: commands("print never"),
      });
      const said =
        result === "stopped" ? `SEMAPHORE_JOB_RESULT is set to '${value}'` : `SEMAPHORE_JOB_RESULT=${value}`;
      expect(blocks.slice(3)).toEqual([
        "exit 130 → 130: ",
        `Checking job result → 0: ${said} - stopping job and marking it as ${result}`,
      ]);
      expect(summary.result).toBe(result);
    });
  }

  test("a session that dies fails every later command at once", async () => {
    const { blocks, summary } = await runJob({
      commands: commands("die"),
      epilogueAlways: commands("print never"),
      epilogueOnFail: commands("print never either"),
    });
    expect(blocks.slice(2)).toEqual([
      "die → 1: ",
      "Exporting environment variables → 1: ",
      "print never → 1: ",
      "print never either → 1: ",
    ]);
    expect(summary.result).toBe("failed");
  });

  test("every block that began is finished when the executor throws", async () => {
    const { blocks, summary, logs } = await runJob({ commands: commands("fail run", "print never") });
    expect(blocks[2]).toContain("fail run → 1: ");
    expect(blocks[2]).toContain("the dummy was told to fail");
    expect(summary.result).toBe("failed");
    expect(logs.some(({ level }) => level === "error")).toBe(true);
  });
});

describe("what goes wrong before the first command", () => {
  test("a variable that is no base64 fails the job; its epilogues still run", async () => {
    const { blocks, summary } = await runJob({
      env: [{ name: "BAD", value: "%%%" }],
      commands: commands("print never"),
      epilogueOnFail: commands("print on fail"),
    });
    expect(blocks).toEqual([
      "Exporting environment variables → 1: Failed to decode BAD\n",
      resultExported("failed"),
      "print on fail → 0: on fail\n",
    ]);
    expect(summary.result).toBe("failed");
  });

  test("a file with a bad mode fails the job; its epilogues still run", async () => {
    const { blocks } = await runJob({
      files: [{ path: "/x", content: "", mode: "abc" }],
      commands: commands("print never"),
      epilogueAlways: commands("print always"),
    });
    expect(blocks[1]).toEndWith("bad file permission 'abc'\n");
    expect(blocks.at(-1)).toBe("print always → 0: always\n");
  });

  test("an executor that cannot start is shown, and nothing else runs", async () => {
    const { blocks, summary } = await runJob({
      commands: commands("fail start"),
      epilogueAlways: commands("print never"),
    });
    expect(blocks).toEqual([expect.stringContaining("the dummy was told not to start")]);
    expect(blocks[0]).toStartWith("Starting the shell executor → 1: ");
    expect(summary.result).toBe("failed");
  });

  test("an executor that nobody provides is named, with those that are known", async () => {
    const { blocks, summary } = await runJob({ executor: "shel" });
    expect(blocks).toEqual([expect.stringContaining('"shel"')]);
    expect(blocks[0]).toContain("shell");
    expect(summary.result).toBe("failed");
  });

  test("the option executors puts another in its place", async () => {
    const { summary } = await runJob(
      { executor: "dockercompose" },
      { settings: { executors: { dockercompose: "shell" } } },
    );
    expect(summary.result).toBe("passed");
  });

  test("a plugin refuses a job with a reason that its user reads", async () => {
    const { blocks, summary } = await runJob(
      { commands: commands("print never") },
      {
        setup: (ctx) =>
          ctx.hook("job:start", () => {
            throw new AgentError("JOB_REFUSED", "this host takes no deployments on Fridays");
          }),
      },
    );
    expect(blocks).toEqual(["Refusing the job → 1: this host takes no deployments on Fridays\n"]);
    expect(summary.result).toBe("failed");
  });

  test("a plugin that fails in job:prepare fails the job; its epilogues still run", async () => {
    const { blocks } = await runJob(
      { commands: commands("print never"), epilogueAlways: commands("print always") },
      {
        setup: (ctx) =>
          ctx.hook("job:prepare", () => {
            throw new Error("boom");
          }),
      },
    );
    expect(blocks[2]).toBe('Preparing the job → 1: plugin "listener" failed in job:prepare: boom\n');
    expect(blocks.at(-1)).toBe("print always → 0: always\n");
  });
});

describe("hooks", () => {
  test("are called in the order of a job's life", async () => {
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

  test("run commands in the session under a name of their own, and put blocks into the log", async () => {
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
      resultExported("passed"),
      "print bye → 0: bye\n",
    ]);
  });

  test("a notice that throws costs the job nothing", async () => {
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

  test("a plugin that leaves its block open does not keep the job's end out of the log", async () => {
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
    test(`${moment} is a stopped job with whole blocks`, async () => {
      const { summary, events } = await runJob(
        { commands: commands("sleep 0.05"), epilogueAlways: commands("print the epilogue", "sleep 60") },
        { stopAt: at },
      );
      expect(summary.result).toBe("stopped");
      expect(events.at(-1)).toMatchObject({ event: "job_finished", result: "stopped" });
    });
  }

  test("while a plugin looks at the job, before there is an executor", async () => {
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

  test("the job's finish hooks are told that the session is closed, and run nothing in it", async () => {
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

test("after a stop a plugin can have a session of its own, with the job's environment", async () => {
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

test("values of secret variables are masked wherever the job shows them", async () => {
  const { blocks } = await runJob({
    env: [environmentVariable("API_TOKEN", "tok-123456")],
    commands: commands("print $API_TOKEN", "print tok-123456"),
  });
  expect(blocks.slice(2, 4)).toEqual([
    "print $API_TOKEN → 0: [REDACTED]\n",
    "print [REDACTED] → 0: [REDACTED]\n",
  ]);
});
