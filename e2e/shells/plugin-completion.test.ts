import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { createTester, type Tester } from "../support/fixtures.ts";

const deploy = (top = "") => `
import { defineCommand, definePlugin, v } from "signalman";
console.log("words\\nprinted\\tby a plugin");
${top}
const command = defineCommand({
  meta: { name: "deploy", description: "deploys\\tit\\nnow" },
  args: {
    place: { type: "positional", completes: ["staging", "$(touch pwned)", "a\\nb", "production"] },
    report: { type: "string", valueHint: "file" },
  },
  run() {},
});
export default definePlugin({
  name: "deploy",
  config: v.strictObject({ "deploy-key": v.optional(v.pipe(v.string(), v.metadata({ hint: "file" }))) }),
  flags: { "deploy-key": "deploy-key" },
  commands: { deploy: async () => ({ default: command }) },
  setup() {},
});`;

async function prepare(plugin: string, place = "host/config.yaml"): Promise<Tester> {
  const tester = await createTester();
  await tester.write(path.join(path.dirname(place), "deploy.ts"), plugin);
  await tester.write(place, "state-dir: /nowhere\nplugins:\n  ./deploy.ts: {}\n");
  return tester;
}

async function complete(tester: Tester, ...words: string[]): Promise<string[]> {
  const env = { CONFIGURATION_DIRECTORY: path.join(tester.home, "host") };
  const { exitCode, stdout, stderr } = await tester.run(["__complete", "zsh", ...words], { env });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout.trimEnd().split("\n");
}

/** Completes until a line is offered: on a busy machine, a plugin may take longer than it is waited for. */
async function completeTo(line: string, tester: Tester, ...words: string[]): Promise<string[]> {
  const end = Date.now() + 60_000;
  for (;;) {
    const lines = await complete(tester, ...words);
    if (lines.includes(line)) return lines;
    if (Date.now() > end) throw new Error(`"${line}" was not offered:\n${lines.join("\n")}`);
  }
}

test("commands, values and flags of the plugins of this host's configuration are completed", async () => {
  await using tester = await prepare(deploy());
  const commands = await completeTo("deploy\tdeploys it ⏎ now", tester, "");
  expect(commands.filter((line) => line.startsWith("printed"))).toEqual([]);
  const values = await completeTo("staging", tester, "deploy", "");
  expect(values).toEqual(["words", "staging", "production"]);
  await completeTo("file", tester, "deploy", "--report", "");
  await completeTo("--deploy-key", tester, "start", "--deploy-key");
  expect(existsSync(path.join(tester.home, "pwned"))).toBeFalse();
}, 300_000);

test("a plugin that hangs, throws or ends the process only takes its own words away, and no message is printed", async () => {
  for (const fault of [
    "while (true);",
    "await new Promise(() => setInterval(() => {}, 1000));",
    "throw new Error('x');",
    "process.exit(3);",
    "process.kill(process.pid, 'SIGKILL');",
  ]) {
    await using tester = await prepare(deploy(fault));
    const commands = await complete(tester, "");
    expect(commands.some((line) => line.startsWith("start\t"))).toBeTrue();
    expect(commands.some((line) => line.startsWith("deploy"))).toBeFalse();
  }
}, 120_000);

test("declarations of any shape take away no word that is built in", async () => {
  const faults = [
    "meta: { description: 5 }",
    "args: 7, meta: { description: [] }",
    'meta: {}, args: { place: { type: "positional", completes: {} } }',
  ];
  for (const fault of faults) {
    const command = `{ default: { ...command, ${fault} } }`;
    await using tester = await prepare(deploy().replace("{ default: command }", command));
    expect((await complete(tester, "")).some((line) => line.startsWith("start\t"))).toBeTrue();
    expect(await complete(tester, "start", "--log-lev")).toContainEqual(
      expect.stringMatching(/^--log-level\t/),
    );
    await complete(tester, "deploy", "");
  }
}, 120_000);

test("a configuration of the working directory, and one that others may write, are never executed", async () => {
  const mark = `await Bun.write("MARK", "");`;
  await using here = await prepare(deploy(mark), "signalman.config.yaml");
  await complete(here, "");
  await complete(here, "start", "--config-file", "signalman.config.yaml", "--");
  await using writable = await prepare(deploy(mark));
  await writable.exec(["chmod", "0666", "host/config.yaml", "host/deploy.ts"]);
  expect((await complete(writable, "")).some((line) => line.startsWith("deploy"))).toBeFalse();
  for (const { home } of [here, writable]) expect(existsSync(path.join(home, "MARK"))).toBeFalse();
  expect(existsSync("/MARK")).toBeFalse();
});
