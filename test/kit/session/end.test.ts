import { describe, expect, test } from "bun:test";
import { isAgentError } from "../../../src/core/errors.ts";
import { openSession } from "./fixtures.ts";

describe("a shell that dies", () => {
  for (const [name, last] of Object.entries({
    "by exit": "exit 0",
    "by exit with a code": "exit 9",
    "by set -e": "set -e; false",
    "by a signal": "kill -9 $$",
    "by exec": "exec true",
    "with its parent": "kill -9 $PPID; kill -9 $$",
  })) {
    test(`${name}: the command ends with 1, its output is whole, later commands answer 1`, async () => {
      for (let round = 0; round < 5; round++) {
        await using shell = await openSession();
        const { code, output } = await shell.run(`seq 1 500; echo last words; ${last}`);
        expect(code).toBe(1);
        if (!name.includes("parent")) expect(output).toEndWith("500\nlast words\n");
        expect(await shell.run("echo no")).toEqual({ code: 1, output: "" });
        expect(shell.session.alive).toBe(false);
      }
    });
  }

  test("does not wait for background processes that keep the terminal open", async () => {
    await using shell = await openSession();
    expect(await shell.run("sleep 5 & echo $! >pid; exit 3")).toMatchObject({ code: 1 });
    process.kill(Number(await Bun.file(`${shell.home}/pid`).text()), "SIGKILL");
  });

  test("still runs its exit trap into the log", async () => {
    await using shell = await openSession();
    await shell.run("trap 'echo from the trap' EXIT");
    expect((await shell.run("exit 1")).output).toBe("from the trap\n");
  });
});

describe("a session that cannot start", () => {
  test("reports the output of the login profile", async () => {
    const error = await openSession({ profile: "echo 'the profile gives up'; exit 3" }).catch(
      (thrown) => thrown,
    );
    expect(isAgentError(error, "SESSION_FAILED")).toBe(true);
    expect(error.message).toContain("its output: the profile gives up");
  });

  test("does not wait for a shell that cannot read its first file", async () => {
    const profile = "until [ -f ~/command ]; do sleep 0.01; done; rm ~/command";
    const error = await openSession({ profile, startTimeoutMs: 60_000 }).catch((thrown) => thrown);
    expect(isAgentError(error, "SESSION_FAILED")).toBe(true);
    expect(error.message).toMatch(/cannot read ".*\/command": a sandbox around it must let/);
  });

  test("does not wait for a profile that hangs", async () => {
    const error = await openSession({ profile: "echo waiting; sleep 60", startTimeoutMs: 300 }).catch(
      (thrown) => thrown,
    );
    expect(isAgentError(error, "SESSION_FAILED")).toBe(true);
    expect(error.message).toContain("was not ready after 0.3 s");
    expect(error.message).toContain("waiting");
  });
});

test("closing a session ends the running command with 1", async () => {
  await using shell = await openSession();
  const running = shell.run("echo started; sleep 60; echo deployed");
  await Bun.sleep(200);
  await shell.session.close();
  expect(await running).toEqual({ code: 1, output: "started\n" });
});
