import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { contractVersion } from "../../src/core/version.ts";
import { tmpdir } from "../../src/testing/index.ts";
import { directoryWith, run, typeCheck } from "./fixtures.ts";

// Programs and a type check are started, which is slow on a busy machine.
setDefaultTimeout(60_000);

const notifier = `
import { definePlugin, v } from "signalman";
export default definePlugin({
  name: "notifier",
  description: "notifies",
  runsIn: ["agent"],
  config: v.strictObject({ channel: v.optional(v.string(), "#ci") }),
  flags: { "notify-channel": "channel" },
  commands: { notify: () => import("./notify.ts") },
  setup(ctx) {
    ctx.hook("agent:job-ended", () => {});
    ctx.hook("agent:stop", () => {});
  },
});
`;

const notify = `
import { defineCommand } from "signalman";
export default defineCommand({
  meta: { name: "notify", description: "notifies" },
  run: ({ program }) => console.log((program.config.of("notifier") as { channel: string }).channel),
});
`;

const config = "plugins:\n  ./notifier.ts: {}\n";

describe("signalman plugins", () => {
  test("shows each plugin with its origin, its hooks and its contributions", async () => {
    await using directory = await directoryWith({ "notifier.ts": notifier, "signalman.config.yaml": config });
    const { code, stdout } = await run(["plugins"], { cwd: directory.path });
    expect(code).toBe(0);
    const lines = stdout.split("\n").map((line) => line.split(/\s{2,}/));
    expect(lines[0]).toEqual(["NAME", "FROM", "RUNS IN", "HOOKS", "SERVICES", "COMMANDS", "FLAGS"]);
    const at = lines.findIndex(([name]) => name === "notifier");
    expect(lines[at]).toEqual([
      "notifier",
      "./notifier.ts",
      "agent",
      "agent:job-ended",
      "notify",
      "--notify-channel",
    ]);
    expect(lines[at + 1]).toEqual(["", "agent:stop"]);
  });

  test("prints JSON", async () => {
    await using directory = await directoryWith({ "notifier.ts": notifier, "signalman.config.yaml": config });
    const { stdout } = await run(["plugins", "--json"], { cwd: directory.path });
    const plugins = JSON.parse(stdout) as Record<string, unknown>[];
    expect(plugins.find(({ name }) => name === "notifier")).toEqual({
      name: "notifier",
      description: "notifies",
      origin: { kind: "file", specifier: "./notifier.ts", path: join(directory.path, "notifier.ts") },
      runsIn: ["agent"],
      hooks: ["agent:job-ended", "agent:stop"],
      services: [],
      commands: ["notify"],
      flags: ["notify-channel"],
    });
    expect(plugins.map(({ name }) => name)).toContain("shell");
  });

  test("a plugin's command and option are available, by flag and by variable", async () => {
    await using directory = await directoryWith({
      "notifier.ts": notifier,
      "notify.ts": notify,
      "signalman.config.yaml": config,
    });
    const cwd = directory.path;
    expect((await run(["notify"], { cwd })).stdout).toBe("#ci\n");
    expect((await run(["notify", "--notify-channel", "#ops"], { cwd })).stdout).toBe("#ops\n");
    const env = { SEMAPHORE_AGENT_NOTIFY_CHANNEL: "#env" };
    expect((await run(["notify"], { cwd, env })).stdout).toBe("#env\n");
  });

  test("a plugin that cannot be loaded causes exit status 2 for a user error and 1 for a plugin error", async () => {
    const cases = [
      ["export const plugin = {};", 2, "is not a plugin"],
      ['throw new Error("boom");', 1, "failed to load (a.ts:1): boom"],
      [
        'export default { name: "a", setup() { throw new Error("boom"); } };',
        1,
        'plugin "a" failed in setup (a.ts:1): boom',
      ],
      [
        'export default { name: "a", setup(ctx) { ctx.hook("job:strat", () => {}); } };',
        1,
        "nearest: job:start",
      ],
      [
        'export default { name: "shell", setup() {} };',
        2,
        'has the name "shell", which the built-in plugin has already',
      ],
    ] as const;
    for (const [text, code, message] of cases) {
      await using directory = await directoryWith({
        "a.ts": text,
        "signalman.config.yaml": "plugins: { ./a.ts: {} }",
      });
      const outcome = await run(["plugins"], { cwd: directory.path });
      expect(outcome).toMatchObject({ code, stdout: "", stderr: expect.stringContaining(message) });
    }
  });
});

describe("signalman plugins new", () => {
  test("creates a plugin that type-checks, passes its test and is loaded from its path", async () => {
    await using directory = await directoryWith({
      "signalman.config.yaml": "plugins: { ./greeter: { greeting: Ahoy } }",
    });
    const cwd = directory.path;
    const written = await run(["plugins", "new", "greeter"], { cwd });
    expect(written).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("shown without the configuration"),
    });
    expect((await readdir(join(cwd, "greeter"))).toSorted()).toEqual([
      "README.md",
      "config.ts",
      "greeter.test.ts",
      "index.ts",
      "package.json",
      "tsconfig.json",
    ]);
    expect(await typeCheck(join(cwd, "greeter"))).toBe("");
    const tested = await run(["plugins", "test", "greeter"], { cwd });
    expect(tested).toMatchObject({ code: 0, stderr: expect.stringContaining("2 pass") });
    expect((await run(["plugins"], { cwd })).stdout).toContain("greeter");
    const [major, minor] = contractVersion.split(".");
    const range = `">=${major}.${minor}"`;
    expect(await readFile(join(cwd, "greeter/index.ts"), "utf8")).toContain(`signalman: ${range},`);
    expect(await readFile(join(cwd, "greeter/package.json"), "utf8")).toContain(`"signalman": ${range}`);
  });

  test("creates a test that passes with bun if signalman is installed", async () => {
    await using directory = await tmpdir();
    const cwd = directory.path;
    await run(["plugins", "new", "greeter"], { cwd });
    await mkdir(join(cwd, "node_modules"));
    await symlink(join(import.meta.dir, "../.."), join(cwd, "node_modules/signalman"));
    const tested = await run(["test"], { cwd: join(cwd, "greeter"), program: [process.execPath] });
    expect(tested).toMatchObject({ code: 0, stderr: expect.stringContaining("2 pass") });
  });

  test("creates the plugin in --directory", async () => {
    await using directory = await tmpdir();
    await run(["plugins", "new", "greeter", "--directory", "deep/er"], { cwd: directory.path });
    expect(await readdir(join(directory.path, "deep/er"))).toEqual(["greeter"]);
  });

  test("rejects an invalid, used or missing name, and an existing directory", async () => {
    await using directory = await directoryWith({ "there/file": "" });
    const cases = [
      [["Greeter"], '"Greeter" is not a valid plugin name'],
      [["../greeter"], '"../greeter" is not a valid plugin name'],
      [["core"], '"core" is not a valid plugin name'],
      [["shell"], 'a plugin named "shell" is already loaded'],
      [["there"], `"${directory.path}/there" already exists`],
      [[], "name"],
    ] as const;
    for (const [args, message] of cases) {
      const outcome = await run(["plugins", "new", ...args], { cwd: directory.path });
      expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    }
    expect(await readdir(directory.path)).toEqual(["there"]);
  });
});

describe("signalman plugins test", () => {
  test("fails when a test fails", async () => {
    await using directory = await directoryWith({
      "a.test.ts": 'import { expect, test } from "bun:test"; test("a", () => expect(1).toBe(2));',
    });
    const { code, stderr } = await run(["plugins", "test"], { cwd: directory.path });
    expect(code).toBe(1);
    expect(stderr).toContain("1 fail");
  });

  test("rejects a missing directory", async () => {
    await using directory = await tmpdir();
    const outcome = await run(["plugins", "test", "nowhere"], { cwd: directory.path });
    expect(outcome).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nowhere" is not a directory'),
    });
  });
});
