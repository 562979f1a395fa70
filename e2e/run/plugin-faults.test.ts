import { describe, expect, test } from "bun:test";
import path from "node:path";
import { createTester } from "../support/fixtures.ts";
import { findLeftovers } from "../support/jobs.ts";

/** A plugin that provides a service as plain JavaScript, which no compiler checks. */
const provider = (service: string, value: string) =>
  `import * as sdk from "signalman"; export default { name: "p", setup(c) { c.provide(sdk.${service}, "mine", ${value}); } };`;

describe("an invalid plugin", () => {
  test.concurrent.each([
    [
      "throws in set-up",
      'export default { name: "p", setup() { throw new Error("boom"); } };',
      /"p".*setup.*boom/,
    ],
    ["hangs in set-up", 'export default { name: "p", setup: () => new Promise(() => {}) };', /"p".*10 s/],
    ["throws while it is loaded", 'throw new Error("boom");', /"\.\/p\.ts".*boom/],
    ["has a syntax error", "export default {", /"\.\/p\.ts"/],
    ["has no default export", "export const plugin = {};", /"\.\/p\.ts".*default export/],
    ["exports something else", "export default 5;", /"\.\/p\.ts"/],
    ["has no name", "export default { setup() {} };", /"\.\/p\.ts".*name/],
    ["has an invalid name", 'export default { name: "My Plugin", setup() {} };', /"My Plugin".*kebab-case/],
    ["has the name of another plugin", 'export default { name: "shell", setup() {} };', /"shell"/],
    [
      "listens to an unknown hook",
      'export default { name: "p", setup(c) { c.hook("job:strat", () => {}); } };',
      /"p".*"job:strat" \(nearest: job:start\)/,
    ],
    [
      "listens with a value that is not a function",
      'export default { name: "p", setup(c) { c.hook("job:start", 5); } };',
      /"p".*job:start/,
    ],
    [
      "provides a service with a name in use",
      'import { executor } from "signalman"; export default { name: "p", setup(c) { c.provide(executor, "shell", { create() {} }); } };',
      /"p".*"shell".*(plugin|by) "shell"/s,
    ],
    [
      "provides a job source without an identity",
      provider("jobSource", "{ run() {} }"),
      /job-source "mine" of plugin "p" is incomplete: its member "identity" is missing/,
    ],
    [
      "provides a job source with a number for its identity",
      provider("jobSource", "{ identity: 7, run() {} }"),
      /plugin "p" is wrong: its member "identity" must be a string, not 7/,
    ],
    [
      "provides an executor with a text for a switch",
      provider("executor", '{ create() {}, appliesUser: "no" }'),
      /plugin "p" is wrong: its member "appliesUser" must be a boolean, not "no"/,
    ],
    [
      "provides an executor with a limit in place of a list",
      provider("executor", '{ create() {}, enforcesLimits: "pids" }'),
      /plugin "p" is wrong: its member "enforcesLimits" must be a list, not "pids"/,
    ],
    [
      "declares a flag of the core",
      'import { v } from "signalman"; export default { name: "p", config: v.object({ x: v.optional(v.string()) }), flags: { "log-level": "x" }, setup() {} };',
      /"p".*log-level/,
    ],
    [
      "imports a missing package",
      'import "nowhere-to-be-found"; export default { name: "p", setup() {} };',
      /"\.\/p\.ts".*nowhere-to-be-found/s,
    ],
  ])("that %s is reported with its name, and no job runs", async (_, text, message) => {
    await using tester = await createTester();
    await tester.write("signalman.config.yaml", "plugins: { ./p.ts: {} }\n");
    await tester.write("p.ts", text);
    const { exitCode, stdout, stderr } = await tester.run(["run", "-"], { stdin: "commands: [touch ran]\n" });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at |\$bunfs|node:internal/m);
    expect(stdout).toBe("");
    expect(exitCode).toBe(2);
    expect(await Bun.file(path.join(tester.home, "ran")).exists()).toBe(false);
    expect(await findLeftovers(tester)).toEqual([]);
  });
});

test.concurrent.each([
  ["logSink", "async open() { return { run() {} }; }", "a promise: it must return the object itself"],
  ["logSink", "open: async () => { throw new Error() }", "a promise: it must return the object itself"],
  ["logSink", "open: () => ({ runs() {} })", "an object without run (nearest: runs)"],
])("a %s with `%s` has created %s", async (kind, factory, fault) => {
  await using tester = await createTester();
  await tester.write("signalman.config.yaml", "plugins: { ./p.ts: {} }\n");
  await tester.write("p.ts", provider(kind, `{ ${factory} }`));
  const { stdout, stderr } = await tester.run(["run", "-"], { stdin: "commands: [true]\n" });
  expect(stdout + stderr).toContain(`plugin "p": log-sink "mine" has created ${fault}`);
  expect(stdout + stderr).not.toContain("uncaught");
});

test.concurrent.each([
  ["logSink", "open", 'log-sink "mine"', "run"],
  ["logFilter", "open", 'log-filter "mine"', "push, flush, text, counts"],
  ["executor", "create", 'executor "mine"', "start, exportEnvironment, injectFiles, run, stop, Symbol("],
])(
  "a %s whose %s returns an empty object is named with what the object lacks",
  async (kind, factory, where, lacks) => {
    await using tester = await createTester();
    await tester.write("signalman.config.yaml", "plugins: { ./p.ts: {} }\n");
    await tester.write("p.ts", provider(kind, `{ ${factory}: () => ({}) }`));
    const wanted = kind === "executor" ? "mine" : "shell";
    const { stdout, stderr } = await tester.run(["run", "-"], {
      stdin: `executor: ${wanted}\ncommands: [true]\n`,
    });
    expect(stdout + stderr).toContain(`plugin "p": ${where} has created an object without ${lacks}`);
  },
);

test.concurrent("an agent whose job source has no identity does not start, and names the plugin", async () => {
  await using tester = await createTester();
  const config = await tester.write(
    "signalman.config.yaml",
    "plugins: { ./p.ts: {} }\ncontrol-plane: mine\n",
  );
  await tester.write("p.ts", provider("jobSource", "{ run() {} }"));
  const { exitCode, stderr } = await tester.run(["start", "--config-file", config]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain('job-source "mine" of plugin "p" is incomplete: its member "identity" is missing');
});
