import { describe, expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import type { Executor, ExecutorContext, ExecutorFactory } from "../../src/core/contracts/executor.ts";
import type { JobUser } from "../../src/core/contracts/executor-options.ts";
import type { ExecutorWrapper } from "../../src/core/contracts/executor-wrapper.ts";
import { definePlugin } from "../../src/core/contracts/plugin.ts";
import { executor, executorWrapper } from "../../src/core/contracts/services.ts";
import {
  createDummyExecutor,
  createJobExecutor,
  executorContext,
  testPlugin,
} from "../../src/testing/index.ts";
import { commands, type JobRun, runJob } from "./fixtures.ts";

interface Recorded {
  readonly calls: string[];
  context?: ExecutorContext;
}

/** An executor with all capabilities, which records its context, its stop and its disposal. */
function createRecorder(): ExecutorFactory & Recorded {
  const recorded: ExecutorFactory & Recorded = {
    calls: [],
    acceptsCommandPrefix: true,
    appliesUser: true,
    enforcesLimits: ["memoryBytes", "cpus", "pids"],
    create(context) {
      recorded.context = context;
      const inner = createDummyExecutor(context);
      return {
        ...inner,
        usage: async () => ({ peakMemoryBytes: 7 }),
        stop(graceMs) {
          recorded.calls.push("stop");
          return inner.stop(graceMs);
        },
        async [Symbol.asyncDispose]() {
          recorded.calls.push("dispose");
          await inner[Symbol.asyncDispose]();
        },
      };
    },
  };
  return recorded;
}

/** Runs `print one` in the recorder, behind wrappers in the order of the configuration. */
async function runWrapped(wrappers: readonly unknown[], options: JobRun = {}) {
  const inner = createRecorder();
  const result = await runJob(
    { commands: commands(...(options.stopAt === undefined ? ["print one"] : ["print one", "sleep 60"])) },
    {
      executor: inner,
      ...options,
      setup(ctx) {
        // A second executor, which no job here asks for.
        ctx.provide(executor, "docker", { create: createDummyExecutor });
        for (const [index, wrapper] of wrappers.entries())
          ctx.provide(executorWrapper, `w${index}`, wrapper as ExecutorWrapper);
      },
    },
  );
  const messages = result.logs.map(({ message }) => message).join("\n");
  // The log may report the text at which the job is stopped more than once.
  const ends = [...new Set(inner.calls)];
  return { ...result, inner, ends, messages, log: result.blocks.join("\n") };
}

const print = (name: string): ExecutorWrapper => ({
  wrap: (inner) => ({
    run(directive, output, runOptions) {
      output(`${name} `);
      return inner.run(directive, output, runOptions);
    },
  }),
});
const never = () => new Promise<never>(() => {});

describe("executor wrappers", () => {
  test("are applied in the order of the configuration, the first one outermost", async () => {
    const { log, inner } = await runWrapped([
      { ...print("first"), commandPrefix: () => ["nice", "-n", "5"] },
      { ...print("second"), commandPrefix: () => ["env", "A=1"] },
    ]);
    expect(log).toContain("print one → 0: first second one\n");
    expect(inner.context?.commandPrefix).toEqual(["nice", "-n", "5", "env", "A=1"]);
  });

  test("inherit what they do not replace, also when they spread the executor", async () => {
    const { summary, inner, log } = await runWrapped([
      { wrap: () => ({}) },
      { wrap: (inherited: Executor) => ({ ...inherited, ...print("spread").wrap!(inherited, {} as never) }) },
    ]);
    expect(summary).toMatchObject({ result: "passed", usage: { peakMemoryBytes: 7 } });
    expect(log).toContain("print one → 0: spread one\n");
    expect(inner.calls).toEqual(["dispose"]);
  });

  test("leave the job its user and its limits", async () => {
    const user: JobUser = {
      name: "ci",
      uid: 1,
      gid: 1,
      groups: [1],
      home: "/nowhere",
      shell: "/bin/sh",
      isExclusive: false,
    };
    const limits = { memoryBytes: 1024, cpus: 0.5, pids: 10 };
    const createdWith: ExecutorContext[] = [];
    const wrapper: ExecutorWrapper = {
      commandPrefix: () => ["nice"],
      wrap(_, context) {
        createdWith.push(context);
        return {};
      },
    };
    const { inner } = await runWrapped([wrapper, wrapper], { settings: { limits, user } });
    expect(inner.context?.options).toMatchObject({ limits, user });
    expect(createdWith.map(({ options }) => options.user)).toEqual([user, user]);
  });

  test("apply to the executors that they name only", async () => {
    const named = (name: string) => ({ ...print(name), executors: [name] });
    const { log } = await runWrapped([named("shell")]);
    expect(log).toContain("shell one\n");
    const { log: unnamed } = await runWrapped([{ ...print("both"), executors: ["shell", "docker"] }]);
    expect(unnamed).toContain("both one\n");
  });
});

describe("a job fails, and its log names the plugin and the fault, when a wrapper", () => {
  const failing = (throwing: () => never) => ({ wrap: throwing });
  test.each<[string, unknown, string]>([
    [
      "throws",
      failing(() => {
        throw new Error("broken");
      }),
      'plugin "listener" failed in executor-wrapper "w0".wrap',
    ],
    [
      "throws in its prefix",
      {
        commandPrefix: failing(() => {
          throw new Error("broken");
        }).wrap,
      },
      'w0".commandPrefix',
    ],
    ["has no member of a wrapper", { before: () => ["bwrap"] }, 'has neither "commandPrefix" nor "wrap"'],
    [
      "replaces a misspelt member",
      { wrap: () => ({ runs: never }) },
      'replaces "runs", which no executor has (nearest: run',
    ],
    [
      "returns a promise",
      { wrap: async () => ({}) },
      "must return the members that it replaces from wrap, not Promise",
    ],
    ["returns nothing", { wrap() {} }, "must return the members that it replaces from wrap, not undefined"],
    ["replaces a member by a value", { wrap: () => ({ run: 1 }) }, 'replaces "run" by 1, not by a function'],
    [
      "returns no words",
      { commandPrefix: () => "nice -n 5" },
      'list of words from commandPrefix, not "nice -n 5"',
    ],
    [
      "returns a promise of words",
      { commandPrefix: async () => ["nice"] },
      "list of words from commandPrefix, not Promise",
    ],
    [
      "names an unknown executor",
      { ...print("never"), executors: ["shel"] },
      'unknown executor: "shel" (nearest: shell)',
    ],
    [
      "names an unknown executor beside a known one",
      { ...print("never"), executors: ["shell", "docer"] },
      'unknown executor: "docer"',
    ],
  ])("%s", async (_, wrapper, reason) => {
    const { summary, log } = await runWrapped([print("outer"), wrapper].slice(1));
    expect(summary.result).toBe("failed");
    expect(log).toContain(reason);
    expect(log).not.toContain("print one →");
  });

  test("puts a prefix in front of an executor that applies none", async () => {
    const bare: ExecutorFactory = { create: createDummyExecutor };
    const { summary, log } = await runWrapped([{ commandPrefix: () => ["nice"] }], { executor: bare });
    expect(summary.result).toBe("failed");
    expect(log).toContain('puts "nice" in front of the job, which executor "shell" does not apply');
    const { summary: unprefixed } = await runWrapped([{ commandPrefix: () => [] }], { executor: bare });
    expect(unprefixed.result).toBe("passed");
  });

  test("throws in a call, or forgets the exit code", async () => {
    const run = (own: Executor["run"]) => runWrapped([{ wrap: () => ({ run: own }) }]);
    const thrown = await run(async () => {
      throw new Error("broken");
    });
    expect([thrown.summary.result, thrown.messages]).toEqual(["failed", expect.stringContaining('"w0".run')]);
    const forgotten = await run((async () => {}) as never);
    expect(forgotten.summary.result).toBe("failed");
    expect(forgotten.messages).toContain("must return an exit code from run, not undefined");
  });
});

describe("a job fails, though its wrapper returns 0, when the wrapper does not await the executor's", () => {
  const forgetting: Record<string, (inner: Executor) => Partial<Executor>> = {
    start: (inner) => ({ start: async (...args) => (void inner.start(...args), 0) }),
    exportEnvironment: (inner) => ({
      exportEnvironment: async (...args) => (void inner.exportEnvironment(...args), 0),
    }),
    injectFiles: (inner) => ({ injectFiles: async (...args) => (void inner.injectFiles(...args), 0) }),
    run: (inner) => ({ run: async (...args) => (void inner.run(...args), 0) }),
  };
  /** An executor that needs a turn of the event loop for each call, as real ones do. */
  const slow = {
    wrap: (inner: Executor): Partial<Executor> => ({
      start: (...args) => setImmediate().then(() => inner.start(...args)),
      exportEnvironment: (...args) => setImmediate().then(() => inner.exportEnvironment(...args)),
      injectFiles: (...args) => setImmediate().then(() => inner.injectFiles(...args)),
      run: (...args) => setImmediate().then(() => inner.run(...args)),
    }),
  };

  test.each(Object.keys(forgetting))("%s", async (member) => {
    const { summary, log, messages, inner } = await runWrapped([{ wrap: forgetting[member] }, slow]);
    expect(summary.result).toBe("failed");
    expect(log + messages).toContain(
      `plugin "listener": executor-wrapper "w0" returned from ${member} before the executor's ${member} had ended`,
    );
    expect(inner.calls).toEqual(["dispose"]);
  });

  test("run, and the wrapper inside it forgets it, too", async () => {
    const wrapper = { wrap: forgetting["run"] };
    const { summary, messages } = await runWrapped([wrapper, wrapper, slow]);
    expect(summary.result).toBe("failed");
    expect(messages).toContain('"w0" returned from run before');
  });
});

test("a wrapper may return another exit code than the executor, and call it more than once", async () => {
  const wrap = (inner: Executor): Partial<Executor> => ({
    async run(directive, output, options) {
      await inner.run("print before", output, { silent: true });
      await inner.run(directive, output, options);
      return 0;
    },
  });
  const { summary } = await runWrapped([{ wrap }]);
  expect(summary.result).toBe("passed");
});

describe("a wrapper that forgets the executor's own end", () => {
  test("at the stop: the executor is stopped nevertheless", async () => {
    const { summary, ends } = await runWrapped([{ wrap: () => ({ stop: async () => {} }) }], {
      stopAt: "one",
    });
    expect(summary.result).toBe("stopped");
    expect(ends).toEqual(["stop", "dispose"]);
  });

  test("at the disposal: the executor is disposed nevertheless", async () => {
    const { inner } = await runWrapped([{ wrap: () => ({ [Symbol.asyncDispose]: async () => {} }) }]);
    expect(inner.calls).toEqual(["dispose"]);
  });

  test("by an error or a hang: the executor ends, and the agent's log names the plugin", async () => {
    const bounded = { settings: { stopGraceMs: 50 }, executorLimits: { callMs: 2000, disposalMs: 4000 } };
    const fail = async () => {
      throw new Error("broken");
    };
    const throwing = { wrap: () => ({ stop: fail, [Symbol.asyncDispose]: fail }) };
    const thrown = await runWrapped([throwing], { ...bounded, stopAt: "one" });
    expect(thrown.ends).toEqual(["stop", "dispose"]);
    expect(thrown.messages).toContain('plugin "listener" failed in executor-wrapper "w0".stop');
    const hanging = { wrap: () => ({ stop: never, [Symbol.asyncDispose]: never }) };
    const hung = await runWrapped([hanging], { ...bounded, stopAt: "one" });
    expect(hung.summary.result).toBe("stopped");
    expect(hung.ends).toEqual(["stop", "dispose"]);
    expect(hung.messages).toContain(
      'plugin "listener" did not return from executor-wrapper "w0".stop within 1 s after the grace period',
    );
  });

  test("by a hang in a call: a stop ends the job, and the agent's log names the plugin", async () => {
    const { summary, ends, messages } = await runWrapped([{ wrap: () => ({ run: never }) }], {
      settings: { stopGraceMs: 50 },
      executorLimits: { callMs: 50 },
      stopAt: "print one",
    });
    expect(summary.result).toBe("stopped");
    expect(ends).toEqual(["stop", "dispose"]);
    expect(messages).toContain('executor-wrapper "w0" around executor "shell".run within 50 ms');
  });
});

test("a second stop with the same grace period leaves a wrapper its time, and a kill does not", async () => {
  const inner = createRecorder();
  const own: number[] = [];
  const plugin = definePlugin({
    name: "slow",
    setup(ctx) {
      ctx.provide(executor, "shell", inner);
      ctx.provide(executorWrapper, "slow", {
        wrap: () => ({
          stop(graceMs) {
            own.push(graceMs);
            return never();
          },
        }),
      });
    },
  });
  await using t = await testPlugin(plugin);
  await using wrapped = createJobExecutor(t, "shell", executorContext("/nonexistent"));
  const stops = [wrapped.stop(60_000), wrapped.stop(60_000)];
  expect([own, inner.calls]).toEqual([[60_000], []]);
  await wrapped.stop(0);
  expect([own, inner.calls]).toEqual([[60_000], ["stop"]]);
  for (const stop of stops) stop.catch(() => {});
});

test("a plugin that provides a wrapper and does not run in jobs is refused", async () => {
  const plugin = definePlugin({
    name: "elsewhere",
    runsIn: ["agent"],
    setup: (ctx) => ctx.provide(executorWrapper, "elsewhere", print("never")),
  });
  await expect(testPlugin(plugin)).rejects.toThrow(
    'which is used in the process "job": add "job" to its "runsIn"',
  );
});
