import { expect, test } from "bun:test";
import { join } from "node:path";
import { becomeSubReaper, isReaper } from "../../../src/os/processes/reaper.ts";

const program = [process.execPath, join(import.meta.dir, "pid-one.ts")];
const container = ["unshare", "--pid", "--fork", "--mount-proc"];
const canUnshare = Bun.which("unshare") !== null && Bun.spawnSync([...container, "true"]).success;
const codes = Array.from({ length: 40 }, (_, index) => index % 20);

test("a sub-reaper leaves no zombie of 500 orphans and takes none of its own children", async () => {
  expect(await run(program)).toMatchObject({ codes });
}, 120_000);

if (canUnshare) {
  test("PID 1 leaves no zombie of 500 orphans and takes none of its own children", async () => {
    expect(await run([...container, ...program])).toMatchObject({ pid: 1, codes });
  }, 120_000);
}

test("a process can become a sub-reaper", async () => {
  const file = join(import.meta.dir, "../../../src/os/processes/reaper.ts");
  const text = `const r = await import(${JSON.stringify(file)}); console.log(r.isReaper(), r.becomeSubReaper(), r.isReaper())`;
  const child = Bun.spawn([process.execPath, "-e", text], { stdout: "pipe" });
  expect((await new Response(child.stdout).text()).trim()).toBe("false true true");
  expect([typeof becomeSubReaper, typeof isReaper]).toEqual(["function", "function"]);
});

async function run(command: string[]): Promise<unknown> {
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  const result = JSON.parse(await new Response(child.stdout).text()) as { most: number };
  // Without adopted orphans the test would prove nothing.
  expect(result.most).toBeGreaterThan(100);
  return result;
}
