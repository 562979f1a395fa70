import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { contractVersion } from "../../src/core/version.ts";
import { replayPage } from "../../test/plugins/replay-page.ts";
import { createTester, root, type Tester } from "../support/fixtures.ts";

/** Creates a tester whose home contains these files only. */
async function homeWith(files: Readonly<Record<string, string>>): Promise<Tester> {
  const tester = await createTester();
  for (const [file, text] of Object.entries(files)) await tester.write(file, text);
  return tester;
}

const files = {
  "signalman.config.yaml": "plugins:\n  ./all.ts: {}\n  ./packaged: {}\n",
  "all.ts": `
    import { AgentError, definePlugin, executor, logBackend, logSink, v } from "signalman";
    import { createDummyLogBackend, dummyExecutor, toEvents } from "signalman/testing";
    import { appendFile } from "node:fs/promises";
    import { board } from "./board.ts";
    export default definePlugin({
      name: "all",
      config: v.strictObject({ greeting: v.optional(v.string(), "hello") }),
      flags: { "all-greeting": "greeting" },
      commands: { greet: () => import("./greet.ts"), fail: () => import("./fail.ts") },
      setup(ctx, { greeting }) {
        ctx.provide(executor, "dummy", dummyExecutor);
        ctx.provide(logBackend, "dummy", createDummyLogBackend());
        ctx.provide(board, "main", { post: (text) => appendFile("board.txt", text + "\\n") });
        ctx.provide(logSink, "text", {
          open: ({ spool }) => ({
            async run(signal) {
              for (let batch = await spool.next({ signal }); batch; batch = await spool.next({ signal }))
                for (const event of toEvents(batch.lines))
                  if (event.event === "cmd_output") await appendFile("sink.txt", event.output);
            },
          }),
        });
        ctx.hook("job:start", async ({ job, log }) => {
          await log.command("Greeting", (output) => (output(greeting + ", " + job.name + "\\n"), 0));
          if (job.name === "unwanted") throw new AgentError("JOB_REFUSED", "this job is not wanted here");
        });
        ctx.hook("agent:job-ended", async ({ result }) => ctx.use(board, "main").post(result));
      },
    });`,
  "board.ts": `
    import { defineService } from "signalman";
    export const board = defineService<{ post(text: string): Promise<void> }>("test/board");`,
  "greet.ts": `
    import { defineCommand } from "signalman";
    export default defineCommand({
      meta: { name: "greet", description: "greets" },
      run: ({ program }) => console.log((program.config.of("all") as { greeting: string }).greeting),
    });`,
  "fail.ts": `
    import { defineCommand } from "signalman";
    export default defineCommand({
      meta: { name: "fail", description: "fails" },
      run() { throw new Error("boom"); },
    });`,
  "packaged/package.json": JSON.stringify({ name: "packaged", main: "lib/index.js" }),
  "packaged/lib/index.js": `
    const { definePlugin } = require("signalman");
    module.exports = definePlugin({ name: "packaged", setup(ctx) { ctx.hook("command:end", () => {}); } });`,
  "job.yaml": "name: a job\nexecutor: dummy\ncommands: [print from the dummy]\n",
  "unwanted.yaml": "name: unwanted\nexecutor: dummy\ncommands: [print from the dummy]\n",
};

describe("the compiled binary, in a directory without node_modules", () => {
  test("loads outside plugins, TypeScript and CommonJS", async () => {
    await using tester = await homeWith(files);
    const { stdout, stderr, exitCode } = await tester.run(["plugins", "--json"]);
    expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
    const plugins = JSON.parse(stdout) as { name: string; hooks: string[] }[];
    expect(plugins.find(({ name }) => name === "all")).toMatchObject({
      origin: { kind: "file", specifier: "./all.ts", path: path.join(tester.home, "all.ts") },
      hooks: ["job:start", "agent:job-ended"],
      services: [
        { service: "executor", name: "dummy" },
        { service: "log-backend", name: "dummy" },
        { service: "test/board", name: "main" },
        { service: "log-sink", name: "text" },
      ],
      commands: ["greet", "fail"],
      flags: ["all-greeting"],
    });
    expect(plugins.find(({ name }) => name === "packaged")?.hooks).toEqual(["command:end"]);
  });

  test("runs their commands, with their options by flag and variable, and names them when they fail", async () => {
    await using tester = await homeWith(files);
    expect((await tester.run(["greet"])).stdout).toBe("hello\n");
    expect((await tester.run(["greet", "--all-greeting=ahoy"])).stdout).toBe("ahoy\n");
    const env = { SEMAPHORE_AGENT_ALL_GREETING: "moin" };
    expect((await tester.run(["greet"], { env })).stdout).toBe("moin\n");
    const failed = await tester.run(["fail"]);
    expect(failed).toMatchObject({ exitCode: 1, stdout: "" });
    expect(failed.stderr).toMatch(/plugin "all" failed in command "fail" \(fail\.ts:\d+\): boom/);
  });

  test("runs a job in their executor, with their hooks, log sink and service", async () => {
    await using tester = await homeWith(files);
    const { exitCode, stdout } = await tester.run(["run", "job.yaml"]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("hello, a job");
    expect(stdout).toContain("from the dummy");
    expect(await readFile(path.join(tester.home, "sink.txt"), "utf8")).toContain(
      "hello, a job\nfrom the dummy\n",
    );
    expect(await readFile(path.join(tester.home, "board.txt"), "utf8")).toBe("passed\n");
  });

  test("recognizes their AgentError: the log of a rejected job has the plugin's message only", async () => {
    await using tester = await homeWith(files);
    const { exitCode, stdout } = await tester.run(["run", "unwanted.yaml"]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain("this job is not wanted here");
    expect(stdout).not.toContain('plugin "all"');
    expect(stdout).not.toContain("from the dummy");
  });

  test("rejects a plugin that listens to an unknown hook, and a missing plugin", async () => {
    await using tester = await homeWith({
      "a.ts": `
        import { definePlugin } from "signalman";
        export default definePlugin({ name: "a", setup: (ctx) => ctx.hook("job:strat", () => {}) });`,
      "a.yaml": "plugins: { ./a.ts: {} }",
      "b.yaml": "plugins: { ./b.ts: {} }",
      "c.yaml": "plugins: { left-pad: {} }",
    });
    const plugins = (config: string) => tester.run(["plugins", "--config-file", config]);
    const [hook, file, name] = await Promise.all([plugins("a.yaml"), plugins("b.yaml"), plugins("c.yaml")]);
    expect(hook.exitCode).toBe(1);
    expect(hook.stderr).toMatch(
      // A call in the place of a return value leaves no frame of the plugin.
      /plugin "a" failed in setup( \(a\.ts:\d+\))?: no hook named "job:strat" \(nearest: job:start\)/,
    );
    expect(file.exitCode).toBe(2);
    expect(file.stderr).toContain('no plugin at "./b.ts"');
    expect(name.exitCode).toBe(2);
    expect(name.stderr).toContain('no plugin named "left-pad"');
  });

  test("names both versions when a plugin is for another one, also where it imports what does not exist here", async () => {
    const future = `
      import { future } from "signalman";
      export default { name: "a", signalman: ">=99", setup: (ctx) => ctx.provide(future, "a", {}) };`;
    await using tester = await homeWith({
      "a.ts": future,
      "a.yaml": "plugins: { ./a.ts: {} }",
      "b.ts": future.replace('signalman: ">=99",', ""),
      "b.yaml": "plugins: { ./b.ts: {} }",
      "c.yaml": "plugins: { packaged: {} }",
      "node_modules/packaged/package.json": JSON.stringify({
        main: "index.js",
        peerDependencies: { signalman: ">=99" },
      }),
      "node_modules/packaged/index.js": 'console.log("executed"); module.exports = {};',
    });
    const plugins = (config: string) => tester.run(["plugins", "--config-file", config]);
    const [own, none, packaged] = await Promise.all(["a.yaml", "b.yaml", "c.yaml"].map(plugins));
    expect(own!.stderr).toContain(`needs signalman ">=99"; this is signalman ${contractVersion}`);
    expect(packaged!.stderr).toContain(`needs signalman ">=99"; this is signalman ${contractVersion}`);
    expect([own!.exitCode, packaged!.exitCode, packaged!.stdout]).toEqual([2, 2, ""]);
    expect(none!.stderr).toContain(
      `'future' not found in module 'signalman'; this is signalman ${contractVersion}`,
    );
  });

  test("creates a plugin, tests it without installed packages, and loads it", async () => {
    await using tester = await homeWith({ "later.yaml": "plugins: { ./greeter: {} }" });
    expect((await tester.run(["plugins", "new", "greeter"])).exitCode).toBe(0);
    const tested = await tester.run(["plugins", "test", "greeter"]);
    expect(tested.exitCode).toBe(0);
    expect(tested.stderr).toContain(" 2 pass");
    const { stdout } = await tester.run(["plugins", "--config-file", "later.yaml"]);
    expect(stdout).toContain("--greeter-greeting");
  });
});

test("a new plugin is type-checked and installed as a package where the package signalman is not available", async () => {
  await using tester = await createTester();
  await tester.run(["plugins", "new", "greeter"]);
  const folder = path.join(tester.home, "greeter");
  const tsc = path.join(root, "node_modules/.bin/tsc");
  expect(await tester.exec([tsc, "-p", folder])).toMatchObject({ exitCode: 0, stdout: "" });

  const packed = await tester.exec(["npm", "pack", "--json"], { cwd: folder });
  expect(packed.exitCode).toBe(0);
  const [tarball = ""] = new Bun.Glob("*.tgz").scanSync(folder);
  const install = ["npm", "install", "--offline", "--no-audit", "--no-fund", path.join(folder, tarball)];
  expect((await tester.exec(install)).exitCode).toBe(0);
  await tester.write("signalman.config.yaml", "plugins: { signalman-plugin-greeter: { greeting: Ahoy } }");
  await tester.write("job.yaml", "name: a job\ncommands: ['true']\n");
  expect((await tester.run(["run", "job.yaml"])).stdout).toContain("Ahoy, a job");
});

test("the compiled binary loads packages beside the configuration, with their dependencies", async () => {
  await using tester = await homeWith({
    "signalman.config.yaml": 'plugins: { esm: {}, "@acme/cjs": {} }',
    "node_modules/esm/package.json": JSON.stringify({ name: "esm", type: "module", exports: "./index.ts" }),
    "node_modules/esm/index.ts": `
      import { definePlugin } from "signalman";
      import { words } from "dependency";
      export default definePlugin({ name: "esm", description: words as string, setup() {} });`,
    "node_modules/dependency/package.json": JSON.stringify({ name: "dependency", main: "x.cjs" }),
    "node_modules/dependency/x.cjs": 'exports.words = "from a dependency";',
    "node_modules/@acme/cjs/package.json": JSON.stringify({ name: "@acme/cjs", main: "./index.js" }),
    "node_modules/@acme/cjs/index.js": `
      module.exports = require("signalman").definePlugin({ name: "cjs", setup() {} });`,
  });
  const { stdout } = await tester.run(["plugins", "--json"]);
  const plugins = JSON.parse(stdout) as { name: string; description: string }[];
  expect(plugins.filter(({ name }) => ["esm", "cjs"].includes(name))).toMatchObject([
    { name: "esm", description: "from a dependency" },
    { name: "cjs" },
  ]);
});

test.each(["plugins.md", "plugins-recipes.md", "plugins-reference.md"])(
  "every example in docs/%s works in the compiled program",
  async (name) => {
    await using tester = await createTester();
    const page = await readFile(path.join(root, "docs", name), "utf8");
    await replayPage(page, tester.home, (args) => tester.run(args));
  },
);
