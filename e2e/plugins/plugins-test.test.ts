import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { createTester, type Tester } from "../support/fixtures.ts";
import { until } from "../support/jobs.ts";

/** Creates a tester with a plugin `broken` whose tests are `tests`, and a directory for temporary files. */
async function testerWith(tests: string): Promise<Tester> {
  const tester = await createTester();
  await mkdir(path.join(tester.home, "tmp"));
  await tester.write(
    "broken/index.ts",
    [
      'import { definePlugin } from "signalman";',
      "const fail = (): never => {",
      '  throw new Error("the plugin is broken");',
      "};",
      'export default definePlugin({ name: "broken", setup: (ctx) => ctx.hook("job:start", fail) });',
    ].join("\n"),
  );
  await tester.write("broken/broken.test.ts", tests);
  return tester;
}

const inTmp = (tester: Tester) => ({ env: { TMPDIR: path.join(tester.home, "tmp") } });

describe("a failing test of a plugin", () => {
  test.concurrent("shows the line and the frames of the plugin, and neither those nor code of the program", async () => {
    await using tester = await testerWith(`
      import { test } from "bun:test";
      import { testPlugin } from "signalman/testing";
      import broken from "./index.ts";
      test("a job starts", async () => {
        await using t = await testPlugin(broken);
        await t.call("job:start");
      });`);
    const { exitCode, stderr } = await tester.run(["plugins", "test", "broken"], inTmp(tester));
    expect(exitCode).toBe(1);
    expect(stderr).toContain('plugin "broken" failed in job:start: the plugin is broken');
    expect(stderr).toMatch(/3 \| +throw new Error\("the plugin is broken"\);\n +\^/);
    expect(stderr).toMatch(/at .*broken\/index\.ts:3:\d+/);
    expect(stderr).toMatch(/at .*broken\/broken\.test\.ts:7:\d+/);
    expect(stderr).not.toMatch(/preload|runner\.js|bun:wrap/);
    expect(Math.max(...stderr.split("\n").map(({ length }) => length))).toBeLessThan(200);
    expect(await readdir(path.join(tester.home, "tmp"))).toEqual([]);
  });

  test.concurrent("of a contract suite leaves no files and has no code of the suite", async () => {
    await using tester = await testerWith(`
      import { testExecutor } from "signalman/testing";
      const create = () => { throw new Error("no executor today"); };
      testExecutor({ name: "broken", create });`);
    const { exitCode, stderr } = await tester.run(["plugins", "test", "broken"], inTmp(tester));
    expect(exitCode).toBe(1);
    expect(stderr).toContain("error: no executor today");
    expect(stderr).not.toMatch(/preload|runner\.js|bun:wrap/);
    expect(await readdir(path.join(tester.home, "tmp"))).toEqual([]);
  });
});

describe("a signal to plugins test ends its runner, and leaves no files, while a test", () => {
  const waiting = (deed: string) => `
    import { test } from "bun:test";
    import { writeFileSync } from "node:fs";
    import { tmpdir } from "signalman/testing";
    test("waits", async () => {
      await using directory = await tmpdir();
      writeFileSync(import.meta.dir + "/runner", String(process.pid));
      ${deed}
    }, 600_000);`;

  test.concurrent.each<[string, NodeJS.Signals, string, number]>([
    ["waits", "SIGTERM", "await new Promise(() => setInterval(() => {}, 1000));", 143],
    ["waits", "SIGINT", "await new Promise(() => setInterval(() => {}, 1000));", 130],
    ["never yields", "SIGTERM", "for (;;);", 137],
  ])("%s: %s", async (what, signal, deed, status) => {
    await using tester = await testerWith(waiting(deed));
    const tests = tester.start(["plugins", "test", "broken"], inTmp(tester));
    const pidFile = path.join(tester.home, "broken/runner");
    await until("the test runs", () => existsSync(pidFile) && readFileSync(pidFile, "utf8") !== "");
    const pid = Number(readFileSync(pidFile, "utf8"));
    tests.kill(signal);
    expect((await tests.finished).exitCode).toBe(status);
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    // A runner that must be killed cannot remove the directory of its test.
    if (what === "waits") expect(await readdir(path.join(tester.home, "tmp"))).toEqual([]);
  });
});
