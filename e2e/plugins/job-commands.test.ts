import { describe, expect, test } from "bun:test";
import { chmod, mkdir } from "node:fs/promises";
import path from "node:path";
import { root } from "../../test/project.ts";
import { createScene } from "../support/agents.ts";
import { binary, createTester, type Tester } from "../support/fixtures.ts";
import { outline, runForEvents } from "../support/jobs.ts";

/** A plugin with commands that misbehave, and one that works. */
const plugin = `
import { AgentError, defineCommand, definePlugin, jobCommand } from "signalman";
const circle: Record<string, unknown> = {};
circle.circle = circle;
export default definePlugin({
  name: "answers",
  runsIn: ["job"],
  commands: { ask: () => import("./ask.ts") },
  setup(ctx) {
    const provide = (name: string, run: unknown, timeoutMs = 30_000) =>
      ctx.provide(jobCommand, name, { run, timeoutMs } as never);
    let count = 0;
    provide("count", async () => ({ count: (count += 1) }));
    provide("hello", (_: unknown, { job, slot, log }: any) => {
      log.write("said by the command");
      return { job: job.name, slot };
    });
    provide("never", () => new Promise(() => {}), 300);
    provide("throws", () => { throw new Error("a secret reason"); });
    provide("rejects", async () => { throw new Error("a secret reason"); });
    provide("refuses", async () => { throw new AgentError("JOB_REFUSED", "not today"); });
    provide("exits", () => process.exit(0));
    provide("circle", () => circle);
    provide("function", () => () => {});
    provide("large", () => ({ text: "x".repeat(2 ** 20) }));
  },
});
`;

const ask = `
import { askJob, defineCommand, printJson } from "signalman";
export default defineCommand({
  meta: { name: "ask", description: "ask the job" },
  args: { name: { type: "positional", required: true, description: "name of the command" } },
  async run({ args }) {
    printJson(await askJob({ do: args.name }, process.env));
  },
});
`;

/** An agent with the plugin. */
async function createAgentScene() {
  const scene = await createScene();
  const { tester } = scene;
  await tester.write("answers.ts", plugin);
  await tester.write("ask.ts", ask);
  const config = (await Bun.file(`${tester.home}/fast.json`).json()) as { plugins: object };
  const plugins = { ...config.plugins, "./answers.ts": {} };
  await tester.write("fast.json", JSON.stringify({ ...config, plugins }));
  await scene.readyAgent();
  return scene;
}

/** Runs commands in a job with the plugin. Resolves to the job's log, block by block, and the agent's log. */
async function run(tester: Tester, commands: readonly string[], args: readonly string[] = []) {
  await mkdir(path.join(tester.home, "agent"), { recursive: true });
  await tester.write("agent/answers.ts", plugin);
  await tester.write("agent/ask.ts", ask);
  await tester.write("agent/signalman.config.yaml", "plugins: { ./answers.ts: {} }\n");
  const config = path.join(tester.home, "agent/signalman.config.yaml");
  const { events, stderr } = await runForEvents(tester, { env: { SM: binary }, commands }, [
    "--config-file",
    config,
    ...args,
  ]);
  return { log: Bun.stripANSI(outline(events).join("\n")), stderr };
}

describe("a plugin's command in a job", () => {
  test("finds the agent's configuration, and prints what the job answers", async () => {
    await using tester = await createTester();
    const { log } = await run(tester, ["cd /; $SM ask hello; $SM ask refuses; echo status $?"]);
    expect(log).toContain("said by the command");
    expect(log).toContain('"slot":0');
    expect(log).toContain("error: not today");
    expect(log).toContain("status 1");
  });

  test("is answered without a socket, with refusals and failures", async () => {
    await using tester = await createTester();
    const { log } = await run(tester, [
      "cd /; unset SIGNALMAN_JOB_SOCKET; for name in hello refuses never throws nothing; do $SM ask $name; done; true",
      "echo the session is as it was",
    ]);
    expect(log).toContain('{"job":"","slot":0}\nerror: not today\n');
    expect(log).toContain('command "never" of plugin "answers" did not answer within 300 ms');
    expect(log).toContain('command "throws" of plugin "answers" failed: the agent\'s log has the reason');
    expect(log).toContain('error: the job refuses: no command "nothing" (known: ');
    expect(log).toContain("the session is as it was");
    expect(log).not.toContain("[signalman: ");
  });

  test("works in the jobs of an agent", async () => {
    await using scene = await createAgentScene();
    const { hub } = scene;
    const id = await hub.submit({ commands: [`cd /; ${binary} ask hello; ${binary} ask throws`] });
    expect((await hub.done(id)).result).toBe("failed");
    const log = outline(await hub.log(id)).join("\n");
    expect(log).toContain("said by the command");
    expect(log).toContain('"slot":0');
    expect(await scene.agentLog()).toContain('plugin "answers" failed in job-command "throws".run');
  });

  test("fails the job and is named when it ends the job's process", async () => {
    await using scene = await createAgentScene();
    const { hub } = scene;
    const id = await hub.submit({ commands: [`${binary} ask exits`] });
    expect((await hub.done(id)).result).toBe("failed");
    const reason = 'plugin "answers" in job-command "exits".run ended it: process.exit(0)';
    expect(outline(await hub.log(id)).join("\n")).toContain(reason);
  });

  test("names the configuration that it may not read", async () => {
    await using tester = await createTester();
    const { log } = await run(tester, [
      "cd /; SIGNALMAN_CONFIG_FILE=/nowhere/config.yaml $SM ask hello; echo status $?",
    ]);
    expect(log).toContain("Error reading config file");
    expect(log).toContain("SIGNALMAN_CONFIG_FILE names the configuration of this job's agent");
    expect(log).toContain("status 2");
  });

  test("does not change what a built-in command reads", async () => {
    await using tester = await createTester();
    const command =
      "export SIGNALMAN_CONFIG_FILE=/nowhere/config.yaml; $SM plugins >/dev/null; echo status $?";
    expect((await run(tester, [command])).log).toContain("status 0");
  });
});

describe("a job command that misbehaves hurts neither job nor agent:", () => {
  const reason = "the agent's log has the reason";
  test.each([
    ["never", "did not answer within 300 ms", "did not answer within 300 ms"],
    [
      "throws",
      reason,
      'plugin "answers" failed in job-command "throws".run (answers.ts:19): a secret reason',
    ],
    [
      "rejects",
      reason,
      'plugin "answers" failed in job-command "rejects".run (answers.ts:20): a secret reason',
    ],
    ["circle", "cannot be written as JSON", "cannot be written as JSON"],
    ["function", "must be a JSON object, not a function", "must be a JSON object, not a function"],
    ["large", "has 1048587 bytes, and 65536 are the limit", "has 1048587 bytes, and 65536 are the limit"],
  ])("%s", async (name, shown, logged) => {
    await using tester = await createTester();
    const { log, stderr } = await run(tester, [`$SM ask ${name}; echo status $?`, "$SM ask count"]);
    expect(log).toContain(`error: command "${name}" of plugin "answers" `);
    expect(log).toContain(shown);
    expect(log).not.toContain("a secret reason");
    expect(log).toContain("status 1");
    expect(log).toContain('"count":1');
    expect(stderr).toContain(logged);
  });

  test("a thousand callers at once", async () => {
    await using tester = await createTester();
    const options = "-sS --retry 50 --retry-all-errors --retry-delay 1";
    const curl = `curl ${options} --unix-socket "$SIGNALMAN_JOB_SOCKET" http://job/count -d ''`;
    const commands = [
      `( for i in {1..1000}; do ${curl} & done >/dev/null 2>&1; wait )`,
      `${curl}`,
      "$SM ask hello",
    ];
    const { log } = await run(tester, commands);
    expect(log).toContain('{"count":1001}');
    expect(log).toContain('"slot":0');
  });
});

describe("the page docs/job-commands.md", () => {
  const page = Bun.file(path.join(root, "docs/job-commands.md")).text();
  const block = async (language: string) =>
    new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "m").exec(await page)![1]!;

  /** Replaces the example's command by one of the plugin here. */
  const adapt = (text: string) => text.replaceAll(/\block\b/g, "hello");

  test.each(["sh", "python", "bash"])("has an example in %s that works", async (language) => {
    await using tester = await createTester();
    const code = adapt(await block(language));
    const printed =
      language === "python" ? code.replace(/^(ask_job\(.*\))$/m, "print(json.dumps($1))") : code;
    const file = await tester.write(`example.${language}`, printed);
    await chmod(file, 0o755);
    const command = language === "python" ? `python3 ${file}` : `source ${file}`;
    const { log } = await run(tester, [command, "echo the session is as it was"]);
    expect(log).toMatch(/"job": ?"/);
    expect(log).toContain("said by the command");
    expect(log).toContain("the session is as it was");
  });
});
