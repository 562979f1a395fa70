import { describe, expect, test } from "bun:test";
import redact from "../../plugins/redact/index.ts";
import shell from "../../plugins/shell/index.ts";
import type { VariableHookEvent } from "../../src/core/contracts/hooks.ts";
import type { PluginContext } from "../../src/core/contracts/plugin.ts";
import { executor } from "../../src/core/contracts/services.ts";
import { variableLimits } from "../../src/job/job-variables.ts";
import { environmentVariable, testPlugin } from "../../src/testing/index.ts";
import { commands, injected, resultExported, runJob } from "./fixtures.ts";

const hooks = ["job:start", "job:prepare", "command:start"] as const;

/** Calls `set` in a hook, each time that it is fired. */
function inHook(name: (typeof hooks)[number], set: (event: VariableHookEvent & { index?: number }) => void) {
  return (ctx: PluginContext) => ctx.hook(name, (event) => set(event));
}

describe("a variable that a plugin sets", () => {
  test.each(hooks)("in %s is exported to commands and epilogues, without a line in the log", async (hook) => {
    const { blocks, summary } = await runJob(
      { commands: commands("print $FOO"), epilogueAlways: commands("print $FOO"), env: [] },
      { setup: inHook(hook, ({ setVariable }) => setVariable("FOO", "bar")) },
    );
    expect(blocks).toEqual([
      "Exporting environment variables → 0: ",
      injected,
      "print $FOO → 0: bar\n",
      resultExported,
      "print $FOO → 0: bar\n",
    ]);
    expect(summary.result).toBe("passed");
  });

  test("replaces one of the request, of env-vars and of an earlier call, until the job sets it", async () => {
    const env = ["A", "B", "C"].map((name) => environmentVariable(name, "request"));
    const { blocks } = await runJob(
      { env, commands: commands("print $A $B $C", "export A=job", "print $A $B $C", "print $A $B $C") },
      {
        settings: { env: [environmentVariable("B", "agent"), environmentVariable("C", "agent")] },
        setup(ctx) {
          ctx.hook("job:start", ({ setVariable }) => {
            setVariable("A", "1");
            setVariable("B", "1");
          });
          ctx.hook("job:prepare", ({ setVariable }) => setVariable("B", "2"));
          ctx.hook("command:start", ({ index, setVariable }) => {
            if (index === 3) setVariable("A", "3");
          });
        },
      },
    );
    expect(blocks.filter((block) => block.startsWith("print"))).toEqual([
      "print $A $B $C → 0: 1 2 agent\n",
      "print $A $B $C → 0: job 2 agent\n",
      "print $A $B $C → 0: 3 2 agent\n",
    ]);
  });

  test("for one command is set for this one only, and hides one of the job", async () => {
    const { blocks } = await runJob(
      { commands: commands("print $A", "print $A") },
      {
        setup: inHook("command:start", ({ index, setVariable }) => {
          if (index === 1) return;
          setVariable("A", "command", { scope: "command" });
          setVariable("A", "job");
        }),
      },
    );
    expect(blocks.slice(2, 4)).toEqual(["print $A → 0: command\n", "print $A → 0: job\n"]);
  });

  test("is seen by the commands of plugins, from job:prepare to job:finish", async () => {
    const { blocks } = await runJob(
      {},
      {
        setup(ctx) {
          ctx.hook("job:start", ({ setVariable }) => setVariable("A", "1"));
          ctx.hook("job:prepare", async ({ run, setVariable }) => {
            await run("print $A");
            setVariable("A", "2");
            await run("print $A");
          });
          ctx.hook("job:finish", async ({ run }) => void (await run("print $A")));
        },
      },
    );
    expect(blocks.filter((block) => block.startsWith("print"))).toEqual(
      ["1", "2", "2"].map((value) => `print $A → 0: ${value}\n`),
    );
  });

  test("is seen in the session that opens after a stop, if it is one of the job", async () => {
    const { blocks } = await runJob(
      { commands: commands("print begun", "sleep 60") },
      {
        stopAt: "begun",
        setup(ctx) {
          ctx.hook("job:start", ({ setVariable }) => setVariable("A", "job"));
          ctx.hook("command:start", ({ setVariable }) => setVariable("B", "command", { scope: "command" }));
          ctx.hook("job:finish", async ({ run }) => void (await run("print $A $B", { fresh: true })));
        },
      },
    );
    expect(blocks.at(-1)).toBe("print $A $B → 0: job \n");
  });

  test("without which a command cannot run fails the command", async () => {
    const { blocks, logs, summary } = await runJob(
      { commands: commands("print never") },
      {
        setup(ctx) {
          ctx.hook("command:start", ({ setVariable }) => setVariable("A", "1"));
          ctx.provide(executor, "refusing", {
            create: () => ({
              start: async () => 0,
              exportEnvironment: async (_env, _output, options) => (options ? 7 : 0),
              injectFiles: async () => 0,
              run: async (directive, output) => (output(directive), 0),
              stop: async () => {},
              async [Symbol.asyncDispose]() {},
            }),
          });
        },
        settings: { executors: { shell: "refusing" } },
      },
    );
    expect(blocks[2]).toBe("print never → 7: ");
    expect(summary.result).toBe("failed");
    expect(logs.map(({ message }) => message)).toContain("variables of plugins could not be exported: A");
  });
});

describe("a secret variable", () => {
  test("is masked in the job's log from the call on, and in the agent's log", async () => {
    const masked: string[] = [];
    const { blocks } = await runRedacted("echo $A; echo $B_TOKEN; echo $C", masked, (ctx) => {
      ctx.hook("command:start", ({ setVariable }) => {
        setVariable("A", "first secret", { secret: true, scope: "command" });
        setVariable("B_TOKEN", "a secret by its name");
        setVariable("C", "no secret");
      });
    });
    expect(blocks.find((block) => block.startsWith("echo"))).toBe(
      "echo $A; echo $B_TOKEN; echo $C → 0: [REDACTED]\n[REDACTED]\nno secret\n",
    );
    expect(masked).toContain("first secret");
    expect(masked).toContain("a secret by its name");
  });

  test("is masked in the trace of the job, in directives and line by line", async () => {
    const key = "a first line of a key\na second line of a key";
    const { blocks } = await runRedacted(`set -x; : "$A"; echo "$A" | tail -n 1`, [], (ctx) => {
      ctx.hook("command:start", ({ setVariable }) => setVariable("A", key, { secret: true }));
      ctx.hook("job:finish", async ({ run }) => void (await run(": a second line of a key")));
    });
    const text = blocks.join("\n");
    expect(text).toContain("[REDACTED]");
    expect(text).not.toMatch(/(first|second) line/);
  });

  test("that no filter masks is reported in the agent's log", async () => {
    const { logs } = await runJob(
      { commands: commands("print $A") },
      { setup: inHook("command:start", ({ setVariable }) => setVariable("A", "secret", { secret: true })) },
    );
    expect(logs.map(({ message }) => message)).toContain(
      `the variable "A" is secret, but no log filter masks it in the job's log`,
    );
  });
});

describe("setVariable", () => {
  const long = "x".repeat(variableLimits.valueBytes);
  test.each<[string, unknown[], RegExp]>([
    ["a bad name", ["1A", "x"], /variable "1A" cannot be set: a name has letters/],
    ["no name", [undefined, "x"], /variable undefined cannot be set/],
    ["a name with a line end", ["A\nB", "x"], /variable "A\\nB" cannot be set/],
    ["a long name", ["A".repeat(300), "x"], /at most 256 characters/],
    [
      "a name of the agent",
      ["SIGNALMAN_JOB_SOCKET", "x"],
      /"SIGNALMAN_JOB_SOCKET" cannot be set: .* reserved/,
    ],
    ["the job's result", ["SEMAPHORE_JOB_RESULT", "passed"], /reserved/],
    ["a name that bash does not let set", ["UID", "0"], /reserved/],
    ["a number", ["A", 1], /variable "A" cannot be set: the value must be a text, not a number/],
    ["a NUL character", ["A", "a\0b"], /NUL/],
    ["half a character", ["A", "\ud800"], /not valid Unicode/],
    ["a long value", ["A", `${long}x`], /longer than 65536 bytes/],
    [
      "an unknown option",
      ["A", "x", { masked: true }],
      /unknown option "masked" \(known: secret, scope, served\)/,
    ],
    ["a served variable of the job", ["A", "x", { served: true }], /"served" needs the scope "command"/],
    ["an option of another type", ["A", "x", { served: 1 }], /"served" must be true or false, not a number/],
    ["an unknown scope", ["A", "x", { scope: "step" }], /"scope" must be "job" or "command", not "step"/],
    [
      "a scope that the hook lacks",
      ["A", "x", { scope: "command" }],
      /only in command:start, not in job:start/,
    ],
  ])("refuses %s, and names the plugin", async (_, args, message) => {
    const { blocks, summary } = await runJob(
      { commands: commands("print never") },
      {
        setup: inHook("job:start", ({ setVariable }) =>
          (setVariable as (...args: unknown[]) => void)(...args),
        ),
      },
    );
    expect(summary.result).toBe("failed");
    expect(blocks).toEqual([
      expect.stringMatching(/^Starting the job → 1: plugin "listener" failed in job:start/),
    ]);
    expect(blocks[0]).toMatch(message);
    expect(blocks[0]!.length).toBeLessThan(500);
  });

  test("bounds the number and the size of the variables, and the job continues", async () => {
    const refused: string[] = [];
    const attempt = (work: () => void) => {
      try {
        work();
      } catch (error) {
        refused.push(String(error));
      }
    };
    const { blocks } = await runJob(
      { commands: commands("print $A1 $A999 $B1") },
      {
        setup(ctx) {
          ctx.hook("job:start", ({ setVariable }) => {
            for (let index = 0; index < 100_000; index += 1)
              attempt(() => setVariable(`A${index}`, `${index}`));
          });
          ctx.hook("command:start", ({ setVariable }) => {
            for (let index = 0; index < 20; index += 1) attempt(() => setVariable("A0", long.slice(index)));
            for (let index = 1; index < 20; index += 1) attempt(() => setVariable(`A${index}`, long));
          });
        },
      },
    );
    expect(refused[0]).toContain('variable "A1000" cannot be set: plugins can set 1000 variables in a job');
    expect(refused.at(-1)).toContain("can have 524288 bytes, and no more");
    expect(blocks.find((block) => block.startsWith("print"))?.length).toBeGreaterThan(60_000);
  });

  test.each(hooks)("throws when %s is over", async (hook) => {
    let late: VariableHookEvent["setVariable"] | undefined;
    const { blocks } = await runJob(
      { commands: commands("print $A") },
      {
        setup(ctx) {
          inHook(hook, ({ setVariable }) => void (late = setVariable))(ctx);
          ctx.hook("command:end", () =>
            expect(() => late!("A", "late")).toThrow(
              `the variable "A" cannot be set: ${hook} is over: set variables before the function returns`,
            ),
          );
        },
      },
    );
    expect(blocks[2]).toBe("print $A → 0: \n");
  });
});

/** Runs one command in a real shell, with the plugin that masks secrets. */
async function runRedacted(directive: string, masked: string[], setup: (ctx: PluginContext) => void) {
  await using t = await testPlugin(redact, { with: [shell] });
  return runJob(
    { commands: commands(directive) },
    { executor: t.use(executor, "shell"), onSecrets: (values) => masked.push(...values), filters: t, setup },
  );
}
