import { expect, test } from "bun:test";
import path from "node:path";
import { createTester, root } from "../support/fixtures.ts";

test("the demo kills its agent during countdown.yaml, and the log is complete", async () => {
  await using tester = await createTester();
  const demo = [process.execPath, path.join(root, "scripts/demo.ts")];
  const { exitCode, stdout } = await tester.exec(demo);
  expect(stdout).toContain("Hello, world!");
  expect(stdout).toContain("lift-off");
  expect(stdout).toContain("the log is complete: 40 lines in order, without duplicates");
  expect(exitCode).toBe(0);
}, 60_000);
