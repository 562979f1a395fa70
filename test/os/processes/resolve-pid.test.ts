import { describe, expect, test } from "bun:test";
import { listDescendants } from "../../../src/kit/usage/descendants.ts";
import { resolvePid } from "../../../src/kit/executor/resolve-pid.ts";

describe("the pid that a job reports", () => {
  test("is accepted for a descendant only", async () => {
    await using tree = await startTree(["sh", "-c", "sleep 1000 & wait"]);
    const [child] = listDescendants(tree.pid);
    expect(resolvePid(tree.pid, child!.pid)).toBe(child!.pid);
    expect(resolvePid(tree.pid, process.pid)).toBeUndefined();
    expect(resolvePid(tree.pid, 1)).toBeUndefined();
  });

  test.if(process.getuid?.() === 0)("is translated from the pid namespace of the shell", async () => {
    await using tree = await startTree(["unshare", "--pid", "--fork", "--kill-child", "sleep", "1000"]);
    const [child] = listDescendants(tree.pid);
    expect(child!.pid).not.toBe(1);
    expect(resolvePid(tree.pid, 1)).toBe(child!.pid);
  });
});

/** Starts a program and waits until it has a child. */
async function startTree(command: string[]) {
  const program = Bun.spawn(command);
  const deadline = performance.now() + 60_000;
  while (listDescendants(program.pid).length === 0 && performance.now() < deadline) await Bun.sleep(5);
  return {
    pid: program.pid,
    async [Symbol.asyncDispose]() {
      for (const { pid } of listDescendants(program.pid)) process.kill(pid, "SIGKILL");
      program.kill("SIGKILL");
      await program.exited;
    },
  };
}
