import { expect, test } from "bun:test";
import path from "node:path";
import { createTester, root } from "./fixtures.ts";

test("the demo kills its agent in the middle of countdown.yaml, and its log is whole", async () => {
  await using tester = await createTester();
  const demo = [process.execPath, path.join(root, "scripts/demo.ts")];
  const { exitCode, stdout } = await tester.exec(demo);
  expect(stdout).toContain("Hello, world!");
  expect(stdout).toContain("lift-off");
  expect(stdout).toContain("the log is whole: 40 lines, once and in order");
  expect(exitCode).toBe(0);
}, 60_000);
