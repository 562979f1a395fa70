import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createTester, type Tester } from "../support/fixtures.ts";
import {
  findLeftovers,
  findProcesses,
  outline,
  outputOf,
  runForEvents,
  runJob,
  toEvents,
  uniqueSeconds,
} from "../support/jobs.ts";

const hooks = [
  "agent:start", "agent:registered", "agent:job-started", "agent:job-ended", "agent:log-flushed", "agent:draining",
  "agent:exit", "agent:stop", "job:start", "job:prepare", "command:start", "command:end", "job:finish", "job:end",
]; // prettier-ignore

/** Creates a home without node_modules whose configuration loads a plugin with this body of `setup`. */
async function withPlugin(setup: string, more = ""): Promise<Tester> {
  const tester = await createTester();
  await tester.write("signalman.config.yaml", "plugins:\n  ./outside.ts: {}\n");
  await tester.write(
    "outside.ts",
    `import { AgentError, definePlugin, executor, logSink, v } from "signalman";
     import { appendFileSync } from "node:fs";
     const record = (text: string) => appendFileSync("recorded.txt", text + "\\n");
     export default definePlugin({
       name: "outside",
       ${more}
       setup(ctx, config) { ${setup} },
     });`,
  );
  return tester;
}

const recorded = async (tester: Tester) =>
  (await readFile(path.join(tester.home, "recorded.txt"), "utf8").catch(() => "")).trim().split("\n");

describe("an outside plugin in a job of the binary", () => {
  test("is called for every hook of run, in the order of a job's lifecycle", async () => {
    await using tester = await withPlugin(
      `for (const name of ${JSON.stringify(hooks)} as const)
         ctx.hook(name, (event: any) => record([name, event.directive, event.exitCode, event.result, event.session]
           .filter((part) => part !== undefined).join(" ")));`,
    );
    const job = { commands: ["true", "(exit 3)", "echo never"], epilogue_on_fail_commands: ["echo fail"] };
    expect((await runJob(tester, job)).exitCode).toBe(1);
    expect(await recorded(tester)).toEqual([
      "agent:start",
      "agent:job-started",
      "job:start",
      "job:prepare",
      "command:start true",
      "command:end true 0",
      "command:start (exit 3)",
      "command:end (exit 3) 3",
      "command:start echo fail",
      "command:end echo fail 0",
      "job:finish failed open",
      "job:end failed",
      "agent:log-flushed",
      "agent:job-ended failed",
      "agent:draining",
      "agent:exit",
      "agent:stop",
    ]);
  });

  test("runs commands in the job's session before the first and after the last command", async () => {
    await using tester = await withPlugin(
      `ctx.hook("job:prepare", ({ run }) => run("export FROM_PLUGIN=yes; echo prepared", { alias: "Preparing" }));
       ctx.hook("job:finish", ({ run, session }) => session === "open" && run("echo finished as $FROM_PLUGIN", { alias: "Finishing" }));`,
    );
    const { events } = await runForEvents(tester, { commands: ["echo $FROM_PLUGIN"] });
    expect(outline(events).slice(3)).toEqual([
      "[Preparing] 0: Running: export FROM_PLUGIN=yes; echo prepared\nprepared\n",
      "[echo $FROM_PLUGIN] 0: yes\n",
      "[Exporting environment variables] 0: Exporting SEMAPHORE_JOB_RESULT\n",
      "[Finishing] 0: Running: echo finished as $FROM_PLUGIN\nfinished as yes\n",
      "end passed",
    ]);
  });

  test("that throws in a gate hook fails the job with its name in the log; the epilogues run", async () => {
    await using tester = await withPlugin(`ctx.hook("job:prepare", () => { throw new Error("boom"); });`);
    const job = { commands: ["touch never"], epilogue_on_fail_commands: ["echo on fail"] };
    const { exitCode, events, stderr } = await runForEvents(tester, job);
    const lines = outline(events);
    expect(lines[3]).toMatch(
      /^\[Preparing the job\] 1: plugin "outside" failed in job:prepare \(outside\.ts:\d+\): boom\n$/,
    );
    expect(lines).toContain("[echo on fail] 0: on fail\n");
    expect(exitCode).toBe(1);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(await Bun.file(path.join(tester.home, "never")).exists()).toBe(false);
  });

  test("that throws in a notice hook does not affect the job, and is named on stderr and in the agent's log", async () => {
    await using tester = await withPlugin(
      `ctx.hook("command:end", async () => { throw new Error("boom"); });`,
    );
    const { exitCode, events, stderr } = await runForEvents(tester, { commands: ["true"] });
    expect(outline(events).at(-1)).toBe("end passed");
    expect(exitCode).toBe(0);
    const message = /plugin "outside" failed in command:end \(outside\.ts:\d+\): boom/;
    expect(stderr).toMatch(message);
    expect(await readFile(path.join(tester.temporary, "agent_log"), "utf8")).toMatch(message);
  });

  test("replaces an executor, by configuration or by flag, and is named in the executor's errors", async () => {
    await using tester = await withPlugin(
      `ctx.provide(executor, "fake", { create: ({ job }) => ({
         start: async () => 0,
         exportEnvironment: async (env, output) => (output("fake export\\n"), 0),
         injectFiles: async () => 0,
         run: async (directive, output) => {
           if (directive === "throw") throw new Error("broken pipe");
           output("fake: " + directive + "\\n");
           return 0;
         },
         stop: async () => {},
         async [Symbol.asyncDispose]() {},
       }) });`,
    );
    const byFlag = await runForEvents(tester, { commands: ["hello"] }, ["--executor", "fake"]);
    expect(outline(byFlag.events)).toContain("[hello] 0: fake: hello\n");
    const byMap = await runForEvents(tester, { commands: ["hello"] }, ["--executors", "shell=fake"]);
    expect(outline(byMap.events)).toEqual(outline(byFlag.events));
    const broken = await runForEvents(tester, { commands: ["throw", "hello"] }, ["--executor", "fake"]);
    expect(outputOf(broken.events, "throw")).toMatch(
      /plugin "outside" failed in executor "fake"\.run \(outside\.ts:\d+\): broken pipe/,
    );
    expect(outline(broken.events).at(-1)).toBe("end failed");
    expect(broken.exitCode).toBe(1);
  });

  test("has options from flag, variable, file or default, in this precedence; a secret option is masked", async () => {
    const more = `config: v.strictObject({
        word: v.optional(v.string(), "default"),
        "api-token": v.optional(v.pipe(v.string(), v.metadata({ secret: true })), ""),
      }),
      flags: { "outside-word": "word", "outside-token": "api-token" },`;
    await using tester = await withPlugin(
      `ctx.hook("job:start", () => record(config.word)); ctx.hook("job:prepare", ({ log }) =>
         log.command("Plugin", (output) => (output("token " + config["api-token"] + "\\n"), ctx.log.warn(config["api-token"]), 0)));`,
      more,
    );
    await tester.write("file.yaml", "plugins:\n  ./outside.ts: { word: file }\n");
    const env = { SEMAPHORE_AGENT_OUTSIDE_WORD: "variable" };
    const masked = await runJob(tester, { commands: [] }, ["--outside-token", "sup3rs3cret"]);
    expect(masked.stdout).toContain("\ntoken [REDACTED]\n");
    expect(masked.stdout + masked.stderr).not.toContain("sup3rs3cret");
    expect(await readFile(path.join(tester.temporary, "agent_log"), "utf8")).not.toContain("sup3rs3cret");
    await runJob(tester, { commands: [] }, ["--config-file", "file.yaml"]);
    await runJob(tester, { commands: [] }, ["--config-file", "file.yaml"], { env });
    await runJob(tester, { commands: [] }, ["--config-file", "file.yaml", "--outside-word", "flag"], { env });
    expect(await recorded(tester)).toEqual(["default", "file", "variable", "flag"]);
  });

  test.concurrent("whose log sink throws or hangs does not affect the job", async () => {
    await using tester = await withPlugin(
      `ctx.provide(logSink, "throws", { open: () => ({ async run() { throw new Error("sink is full"); } }) });
       ctx.provide(logSink, "hangs", { open: () => ({ run: () => new Promise(() => {}) }) });`,
    );
    const { exitCode, stderr, events } = await runForEvents(tester, { commands: ["true"] });
    expect(outline(events).at(-1)).toBe("end passed");
    expect(exitCode).toBe(0);
    expect(stderr).toContain('"throws"');
    expect(stderr).toContain("sink is full");
    expect(stderr).toContain('"hangs"');
    expect(await findLeftovers(tester)).toEqual([]);
  });
});

describe("a plugin that hangs", () => {
  test.concurrent.each([
    "job:start",
    "job:prepare",
    "command:start",
    "command:end",
    "job:finish",
    "agent:job-started",
  ])("in %s does not prevent a kill by a second Ctrl-C", async (hook) => {
    const seconds = uniqueSeconds();
    await using tester = await withPlugin(
      `ctx.hook("${hook}", () => { record("hangs"); return new Promise(() => {}); });`,
    );
    const job = { commands: [`setsid sleep ${seconds} & true`, "touch never"] };
    const file = await tester.write("job.json", JSON.stringify(job));
    const running = tester.start(["run", file, "--keep", "kept"], { isTerminal: true });
    while ((await recorded(tester))[0] !== "hangs") await Bun.sleep(20);
    running.type("\x03");
    await running.shows("a second signal kills it");
    running.type("\x03");
    const end = await Promise.race([running.finished, Bun.sleep(10_000)]);
    expect(end?.exitCode).toBe(130);
    expect(findProcesses(seconds)).toEqual([]);
    expect(outline(toEvents(await readFile(path.join(tester.home, "kept"), "utf8"))).at(-1)).toBe(
      "end stopped",
    );
  });
});
