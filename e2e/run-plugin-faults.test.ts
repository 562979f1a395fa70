import { describe, expect, test } from "bun:test";
import path from "node:path";
import { createTester } from "./fixtures.ts";
import { findLeftovers } from "./jobs.ts";

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
