import { describe, expect, test } from "bun:test";
import { createBadScene, runInAgent } from "./bad-plugin-agent.ts";
import { agentTable } from "./bad-plugin-table.ts";
import { type Deed, deedLine, type Place, writeBadPlugin } from "./bad-plugins.ts";
import { createTester } from "../support/fixtures.ts";
import { outline, runForEvents, until } from "../support/jobs.ts";

const job = { commands: ["echo one"] };

describe("run with a bad plugin", () => {
  test.concurrent.each<[Place, Deed, number, RegExp]>([
    ["load", "throws", 2, /"\.\/bad\.ts".* failed to load \(bad\.ts:2\): boom/],
    ["load", "exits", 2, /plugin "\.\/bad\.ts" \(bad\.ts:2\) ended the program: process\.exit\(0\)/],
    ["setup", "throws", 2, /plugin "bad" failed in setup \(bad\.ts:2\): boom/],
    ["setup", "exits", 2, /plugin "bad" \(bad\.ts:2\) ended the program/],
    ["agent:start", "throws", 2, /plugin "bad" failed in agent:start \(bad\.ts:2\): boom/],
    ["agent:start", "exits", 2, /plugin "bad" \(bad\.ts:2\) ended the program/],
    ["job:start", "throws", 1, /plugin "bad" failed in job:start \(bad\.ts:2\): boom/],
    ["job:start", "exits", 1, /plugin "bad" \(bad\.ts:2\) ended the program/],
    ["timer in a job", "throws", 0, /uncaught error in plugin "bad" \(bad\.ts:2\): boom/],
    ["timer in a job", "exits", 1, /plugin "bad" \(bad\.ts:2\) ended the program/],
    ["command:end", "throws", 0, /plugin "bad" failed in command:end \(bad\.ts:2\): boom/],
    ["command:end", "floods", 0, /flood of a plugin/],
    ["disposal", "exits", 1, /plugin "bad" \(bad\.ts:2\) ended the program/],
  ])("in %s that %s exits with %d and names it; stdout is NDJSON", async (place, deed, status, message) => {
    expect(deedLine).toBe(2);
    await using tester = await createTester();
    await writeBadPlugin(tester, place, deed);
    const { exitCode, stderr, events } = await runForEvents(tester, { commands: ["sleep 0.2"] });
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(status);
    if (status === 0) expect(outline(events).at(-1)).toBe("end passed");
    if (status === 2) expect(events).toEqual([]);
  });

  test.concurrent("that spins is ended by the second Ctrl-C, and named", async () => {
    await using tester = await createTester();
    await writeBadPlugin(tester, "job:start", "spin");
    await tester.write("job.json", JSON.stringify(job));
    const running = tester.start(["run", "job.json"], { isTerminal: true });
    await until("the plugin spins", () => Bun.file(`${tester.home}/done`).exists());
    running.type("\x03");
    await Bun.sleep(300);
    running.type("\x03");
    const { exitCode } = await running.finished;
    expect(exitCode).toBe(137);
    await until("the watcher reports", () => running.stdout.includes("plugin bad in job:start"));
  });

  test.concurrent("that spins is ended when its terminal closes", async () => {
    await using tester = await createTester();
    await writeBadPlugin(tester, "job:start", "spin");
    await tester.write("job.json", JSON.stringify(job));
    const running = tester.start(["run", "job.json"], { isTerminal: true });
    await until("the plugin spins", () => Bun.file(`${tester.home}/done`).exists());
    running.hangUp();
    expect((await running.finished).exitCode).toBe(137);
  });

  test("an unknown executor exits with 2 and the nearest name, before anything has run", async () => {
    await using tester = await createTester();
    const { exitCode, stderr, events } = await runForEvents(tester, job, ["--executor", "shel"]);
    expect({ exitCode, events }).toEqual({ exitCode: 2, events: [] });
    expect(stderr).toContain('no executor named "shel" (nearest: shell)');
  });
});

describe("config check", () => {
  test.each([
    ["plugins: { nonsense: false }", /plugins\.nonsense .*no plugin named "nonsense"/],
    ["executors: { shell: shel }", /executors\.shell: no executor named "shel" \(nearest: shell\)/],
    ["log-methods: { push: pussh }", /log-methods\.push: no log-backend named "pussh" \(nearest: push\)/],
  ])("refuses %s", async (text, message) => {
    await using tester = await createTester();
    await tester.write("signalman.config.yaml", `${text}\n`);
    const { exitCode, stderr, stdout } = await tester.run(["config", "check"]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toMatch(message);
  });

  test("finds a plugin that cannot be set up", async () => {
    await using tester = await createTester();
    await writeBadPlugin(tester, "setup", "throws");
    const { exitCode, stderr } = await tester.run(["config", "check"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('plugin "bad" failed in setup (bad.ts:2): boom');
  });
});

describe("an agent does not start, and registers nothing, where jobs would fail by", () => {
  const plugin = (runsIn: string, provide: string) => `
    import { definePlugin, executor, executorWrapper } from "signalman";
    import { dummyExecutor } from "signalman/testing";
    export default definePlugin({ name: "own", runsIn: ${runsIn}, setup(ctx) { ${provide} } });`;

  test.concurrent.each<[string, string, string, string]>([
    [
      "an unknown executor",
      "",
      "executors: { shell: shel }",
      'executors.shell: no executor named "shel" (nearest: shell)',
    ],
    [
      "an unknown log backend",
      "",
      "log-methods: { push: pusch }",
      'log-methods.push: no log-backend named "pusch"',
    ],
    [
      "an executor whose plugin runs in jobs only",
      plugin('["job"]', 'ctx.provide(executor, "nice", dummyExecutor)'),
      "plugins: { ./own.ts: {} }",
      'plugin "own" provides executor "nice", which is used in the process "agent": add "agent" to its "runsIn"',
    ],
    [
      "a wrapper of an unknown executor",
      plugin('["job"]', 'ctx.provide(executorWrapper, "nice", { executors: ["shel"], wrap: () => ({}) })'),
      "plugins: { ./own.ts: {} }",
      'plugin "own": executor-wrapper "nice" wraps an unknown executor: "shel" (nearest: shell)',
    ],
    [
      "a plugin of jobs that cannot be set up",
      plugin('["job"]', 'throw new Error("boom")'),
      "plugins: { ./own.ts: {} }",
      'plugin "own" failed in setup (own.ts:4): boom',
    ],
  ])("%s", async (_, source, config, message) => {
    await using tester = await createTester();
    await tester.write("own.ts", source);
    await tester.write("signalman.config.yaml", `${config}\n`);
    // The port is closed: an agent that started would try to register.
    const args = ["--endpoint", "127.0.0.1:1", "--token", "t", "--no-https", "--state-dir", "state"];
    const agent = await tester.run(["start", "--config-file", "signalman.config.yaml", ...args]);
    expect(agent.stderr).toContain(message);
    expect(agent.stdout + agent.stderr).not.toContain("regist");
    expect(agent.exitCode).not.toBe(0);
    const checked = await tester.run(["config", "check"]);
    expect(checked.stderr).toContain(message);
    expect(checked.exitCode).toBe(2);
  });
});

/** Rows of each kind: at the start, while jobs run, at the exit, in a job's process. */
const sample = [
  "setup throws",
  "timer exits",
  "agent:registered never",
  "agent:draining throws",
  "agent:exit never",
  "agent:stop spin",
  "disposal never",
  "admission throws",
  "policy in a job throws",
  "job:start spin",
  "command:end floods",
  "job:stopping throws",
  "job:stopping spin",
  "setup in a job never",
  "timer in a job spin",
  "disposal in a job exits",
];

describe("an agent with a bad plugin", () => {
  test.concurrent.each(sample)("%s: reports it, ends its jobs, and exits as the table says", async (name) => {
    const row = agentTable.find(({ place, deed }) => `${place} ${deed}` === name)!;
    const { results, status, output } = await runInAgent(row);
    expect(output).toMatch(row.report ?? /passed/);
    expect({ results, status }).toEqual({ results: [row.result, "passed"], status: row.status });
  });

  test.concurrent.each<[Place, Deed, string]>([
    ["job:start", "exits", 'plugin "bad" (bad.ts:2) ended it: process.exit(0)'],
    ["timer in a job", "exits", 'plugin "bad" (bad.ts:2) ended it: process.exit(0)'],
    ["job:prepare", "throws", 'plugin "bad" failed in job:prepare (bad.ts:2): boom'],
  ])("in %s that %s fails the job with the reason, and runs the next one", async (place, deed, reason) => {
    await using scene = await createBadScene(place, deed);
    await scene.readyAgent();
    const id = await scene.hub.submit({ commands: ["sleep 1"] });
    expect((await scene.hub.done(id)).result).toBe("failed");
    expect(outline(await scene.hub.log(id)).join("\n")).toContain(reason);
    expect(await scene.agentLog()).toContain(reason.replaceAll('"', '"'));
    const next = await scene.hub.submit(job);
    expect((await scene.hub.done(next)).result).toBe("passed");
  });

  test.concurrent("that floods in a job's process writes to the agent's log, under its name", async () => {
    await using scene = await createBadScene("command:start", "floods");
    await scene.readyAgent();
    const id = await scene.hub.submit(job);
    expect((await scene.hub.done(id)).result).toBe("passed");
    expect(await scene.agentLog()).toMatch(new RegExp(` bad job=${id} : flood of a plugin\\n`));
  });

  test.concurrent("that breaks after the agent's start fails jobs with the real error", async () => {
    await using scene = await createBadScene("agent:exit", "throws");
    await scene.readyAgent();
    await scene.tester.write("bad.ts", 'throw new Error("broken later");\n');
    const id = await scene.hub.submit(job);
    expect((await scene.hub.done(id)).result).toBe("failed");
    expect(outline(await scene.hub.log(id)).join("\n")).toMatch(/failed to load \(bad\.ts:1\): broken later/);
    expect(await scene.agentLog()).toMatch(/failed to load \(bad\.ts:1\): broken later/);
  });

  test.concurrent("that spins is killed by the watchdog, which names the hook; the next agent takes the job", async () => {
    await using scene = await createBadScene("agent:job-started", "spin");
    const agent = await scene.readyAgent(["--watchdog", "1"]);
    const id = await scene.hub.submit(job);
    expect((await agent.finished).exitCode).toBe(137);
    await until("the watchdog reports", async () =>
      (await scene.agentLog()).includes("(plugin bad in agent:job-started)"),
    );
    await scene.readyAgent();
    expect((await scene.hub.done(id)).result).toBe("passed");
  });

  test.concurrent("that does not return in a job's process is shown in the status; a stop ends the wait", async () => {
    await using scene = await createBadScene("job:start", "never");
    await scene.readyAgent();
    const id = await scene.hub.submit(job);
    const status = async () =>
      (await scene.tester.run(["status", "--state-dir", scene.stateDirectory])).stdout;
    const message = "plugin bad has not returned from job:start";
    await until("the status shows the hook", async () => (await status()).includes(message));
    await scene.hub.stopJob(id);
    expect((await scene.hub.done(id)).result).toBe("stopped");
    const next = await scene.hub.submit(job);
    expect((await scene.hub.done(next)).result).toBe("passed");
    expect(await status()).not.toContain(message);
  });

  test.concurrent("that does not return from a notice of a job's start runs that job, and the next", async () => {
    await using scene = await createBadScene("agent:synced", "never");
    await scene.readyAgent();
    const ids = [await scene.hub.submit(job), await scene.hub.submit(job)];
    for (const id of ids) expect((await scene.hub.done(id)).result).toBe("passed");
    await until("the plugin is reported", async () =>
      (await scene.agentLog()).includes('plugin "bad" has not returned from agent:synced'),
    );
    const { stdout } = await scene.tester.run(["status", "--state-dir", scene.stateDirectory]);
    expect(stdout).toContain("plugin bad has not returned from agent:synced");
  });
});
