import { describe, expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { definePlugin, v } from "../../src/index.ts";
import {
  createDummyExecutor,
  createDummyLogBackend,
  createRecordingJobLog,
  executorContext,
  jobEvents,
  jobRequest,
  testPlugin,
  tmpdir,
} from "../../src/testing/index.ts";
import { directoryWith, run } from "./fixtures.ts";

const options = definePlugin({
  name: "options",
  config: v.strictObject({
    channel: v.optional(v.string(), "#ci"),
    times: v.optional(v.pipe(v.number(), v.integer()), 1),
    token: v.optional(v.pipe(v.string(), v.minLength(3), v.metadata({ secret: true }))),
  }),
  flags: { "notify-channel": "channel", "notify-times": "times", "notify-token": "token" },
  setup(ctx, { channel, times }) {
    ctx.hook("job:start", () => ctx.log.info(`${channel} × ${times}`));
  },
});

describe("testPlugin", () => {
  const messageWith = async (given: Parameters<typeof testPlugin>[1]): Promise<string | undefined> => {
    await using t = await testPlugin(options, given);
    await t.call("job:start");
    return t.logs.find(({ level }) => level === "info")?.message;
  };

  test("resolves options like the program: flag, variable, config, default", async () => {
    const [flags, env] = [{ "notify-channel": "#flag" }, { SEMAPHORE_AGENT_NOTIFY_CHANNEL: "#env" }];
    const config = { channel: "#config", times: 3 };
    expect(await messageWith({})).toBe("#ci × 1");
    expect(await messageWith({ config })).toBe("#config × 3");
    expect(await messageWith({ config, env })).toBe("#env × 3");
    expect(await messageWith({ config, env, flags })).toBe("#flag × 3");
    expect(await messageWith({ flags: { "notify-times": "7" } })).toBe("#ci × 7");
  });

  test("rejects the same options as the program, without secrets in the message", async () => {
    for (const [given, code, message] of [
      [{ config: { chanel: "x" } }, "CONFIG_INVALID", "nearest: channel"],
      [{ config: { times: "many" } }, "CONFIG_INVALID", "times"],
      [{ flags: { "notify-chanel": "x" } }, "USAGE_INVALID", 'unknown flag "--notify-chanel" (nearest'],
      [{ config: { token: "!?" } }, "CONFIG_INVALID", "token"],
    ] as const) {
      const error = await testPlugin(options, given).catch((thrown: unknown) => thrown as Error);
      expect(error).toMatchObject({ code });
      expect(String(error)).toContain(message);
      expect(String(error)).not.toContain("!?");
    }
    // @ts-expect-error a plugin has a name
    await expect(testPlugin({ setup() {} })).rejects.toMatchObject({ code: "PLUGIN_INVALID" });
  });

  test("completes hook events and records their output in the job's log", async () => {
    const plugin = definePlugin({
      name: "a",
      setup(ctx) {
        ctx.hook("job:prepare", async ({ job, run, log }) => {
          await run("make setup", { alias: "Setting up" });
          await log.command("Mine", (output) => {
            output(job.name);
            return 2;
          });
        });
        ctx.hook("job:finish", ({ result }) => {
          if (result === "failed") ctx.stop("requested");
        });
      },
    });
    await using t = await testPlugin(plugin, { run: (directive) => (directive === "make setup" ? 5 : 0) });
    await t.call("job:prepare", { job: jobRequest({ name: "nightly" }) });
    await t.call("job:finish");
    await t.call("job:finish", { result: "failed" });
    expect(t.directives).toEqual(["make setup"]);
    expect(t.blocks).toMatchObject([
      { directive: "Setting up", output: "Running: make setup\n", exitCode: 5 },
      { directive: "Mine", output: "nightly", exitCode: 2 },
    ]);
    expect(t.stops).toEqual(["requested"]);
    expect(t.hooks).toEqual(["job:prepare", "job:finish"]);
  });

  test("has an event for every hook", async () => {
    const { hookTable } = await import("../../src/core/contracts/hooks.ts");
    const names = Object.keys(hookTable) as (keyof typeof hookTable)[];
    const seen: string[] = [];
    const plugin = definePlugin({
      name: "a",
      setup: (ctx) => names.forEach((name) => ctx.hook(name, () => void seen.push(name))),
    });
    await using t = await testPlugin(plugin);
    for (const name of names) await t.call(name);
    expect(seen).toEqual(names);
  });
});

describe("fixtures", () => {
  test("a temporary directory is private and is removed afterwards", async () => {
    const directory = await tmpdir();
    expect((await stat(directory.path)).mode & 0o777).toBe(0o700);
    await directory[Symbol.asyncDispose]();
    await expect(stat(directory.path)).rejects.toThrow();
  });

  test("a recorded job log has no nested blocks and closes each block, also after an error", async () => {
    const log = createRecordingJobLog();
    const failing = log.command("fails", async (output) => {
      output("first\r\n");
      await expect(log.command("nested", () => 0)).rejects.toThrow("while another one is open");
      throw new Error("boom");
    });
    await expect(failing).rejects.toThrow("boom");
    expect(log.blocks).toMatchObject([{ directive: "fails", output: "first\nboom\n", exitCode: 1 }]);
  });

  test("the dummy executor follows its commands", async () => {
    const texts: string[] = [];
    await using executor = createDummyExecutor(executorContext("/nonexistent"));
    await executor.start(new AbortController().signal);
    const codes: number[] = [];
    for (const directive of [
      "export A=1=2",
      "print a $A $B",
      "exit 130",
      "sleep 0",
      "nonsense",
      "die",
      "print x",
    ]) {
      codes.push(await executor.run(directive, (chunk) => void texts.push(String(chunk))));
    }
    expect(codes).toEqual([0, 0, 130, 0, 127, 1, 1]);
    expect(texts).toEqual(["a 1=2 \n", "nonsense: command not found\n"]);
  });
});

test("the suites fail for an executor, a log backend and a job source that break the contract", async () => {
  await using directory = await directoryWith({
    "broken.test.ts": `
      import {
        createDummyExecutor,
        createDummyLogBackend,
        testExecutor,
        testJobSource,
        testLogBackend,
      } from "signalman/testing";
      testJobSource({
        name: "broken",
        timeoutMs: 2000,
        create() {
          const queue = [];
          const results = [];
          return {
            submit: () => (queue.push(crypto.randomUUID()), queue.at(-1)),
            results: () => results,
            open: () => ({
              identity: "broken",
              async run({ jobs, signals, registered, synced, draining }) {
                await registered("a", "b");
                synced({ durationMs: 0 });
                const end = Promise.withResolvers();
                for (const signal of [signals.drain, signals.interrupt, signals.handOver]) {
                  signal.addEventListener("abort", end.resolve);
                }
                const delivery = { lost: new AbortController().signal, refreshToken: async () => "" };
                // Releases before it reports, and takes all jobs at once.
                const all = queue.splice(0).map(async (id) => {
                  const job = await jobs.start({ id, logger: {} }, delivery);
                  const { summary } = await job.done;
                  await job.release();
                  await Bun.sleep(20);
                  results.push({ jobId: id, result: summary.result });
                });
                await Promise.all(all);
                await end.promise;
                return "requested";
              },
            }),
          };
        },
      });
      const places = new Map();
      testExecutor({
        name: "broken",
        shell: false,
        create(context) {
          const executor = createDummyExecutor(context);
          places.set(executor, context);
          return { ...executor, run: async (directive, output) => ((await executor.run(directive, output)) ? 1 : 0) };
        },
        // Removes the places of all agents.
        cleanUp: {
          run: async () => places.clear(),
          find: async (agentId, jobId) =>
            [...places.values()]
              .filter((place) => place.agentId === agentId && place.job.id === jobId)
              .map(({ directory }) => directory),
        },
        commands: {
          print: (text) => "print " + text,
          exit: (code) => "exit " + code,
          sleep: (seconds) => "sleep " + seconds,
        },
      });
      testLogBackend({
        name: "broken",
        create() {
          const backend = createDummyLogBackend();
          return {
            open(context) {
              context.saveCursor({ event: 3, offset: 0 });
              return backend.open(context);
            },
            received: () => [...backend.received, ...backend.received],
          };
        },
      });`,
  });
  const { code, stderr } = await run(["plugins", "test"], { cwd: directory.path });
  expect(code).toBe(1);
  expect(stderr).toContain("(fail) executor broken > a command's exit code is exact");
  expect(stderr).toContain("(pass) executor broken > three hundred commands keep their own output");
  expect(stderr).toContain(
    "(fail) log backend broken > delivers the log of a job that has ended completely, once",
  );
  for (const fact of [
    "(pass) executor broken > clean-up > removes what a job left whose process died, also when it is repeated",
    "(fail) executor broken > clean-up > of a job touches no other job of the agent and no other agent",
    "(fail) executor broken > clean-up > of an agent spares its running jobs and all other agents",
    "(fail) executor broken > clean-up > does nothing for a job that left nothing",
    "(pass) job source broken > registers once and reports its name and its control plane",
    "(fail) job source broken > reports a job that passed, and releases it after that",
    "(fail) job source broken > holds one job at a time, and runs each job once",
    "(fail) job source broken > claims and releases a left job that the control plane does not know",
    "(fail) job source broken > ends after an interrupt without a job",
  ]) {
    expect(stderr).toContain(fact);
  }
  expect(stderr).toContain(
    "(fail) log backend broken > saves no cursor before the events in front of it are delivered",
  );
}, 60_000);

test("jobEvents is a valid log with paired commands", () => {
  expect(jobEvents(["a"]).map(({ event }) => event)).toEqual([
    "job_started",
    "cmd_started",
    "cmd_output",
    "cmd_finished",
    "job_finished",
  ]);
  expect(createDummyLogBackend().received).toEqual([]);
});
