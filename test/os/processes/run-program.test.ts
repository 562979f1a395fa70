import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { runProgram, type RunProgramOptions } from "../../../src/kit/run-program.ts";
import { createRecordingLogger, tmpdir } from "../../../src/testing/index.ts";

const env = { PATH: process.env["PATH"]! };

/** Runs a bash script and returns its lines in the agent's log. */
async function run(script: string, options: Partial<RunProgramOptions> = {}) {
  const logger = createRecordingLogger();
  const exitCode = await runProgram({ command: ["bash", "-c", script], env, logger, ...options });
  return { exitCode, logs: logger.entries, lines: logger.entries.map(({ message }) => message) };
}

describe("what a program prints", () => {
  test("is logged line by line, including stderr, and its exit code is returned", async () => {
    const { exitCode, logs } = await run("echo one; echo; printf 'two\\nthree'; echo bad >&2; exit 7");
    expect(exitCode).toBe(7);
    const said = (stream?: string) =>
      logs.filter(({ fields }) => fields["stream"] === stream).map(({ message }) => message);
    expect(said()).toEqual(["one", "two", "three"]);
    expect(said("stderr")).toEqual(["bad"]);
  });

  test("is truncated in long lines, and counted beyond the maximum number of lines", async () => {
    const { lines } = await run("head -c 20000000 /dev/zero | tr '\\0' x; echo; yes | head -n 200000");
    expect(lines[0]).toBe(`${"x".repeat(4096)}…`);
    expect(lines).toHaveLength(1001);
    expect(lines.at(-1)).toBe("… and 199001 more lines, not shown");
  });

  test("has no secret, and no part of one at the end of a truncated line", async () => {
    const secret = "s3cr3t-and-quite-long";
    const { lines } = await run(`printf '%4090s' ''; echo "$KEY"; echo "key=$KEY."; printf "$KEY"`, {
      env: { ...env, KEY: secret },
      secrets: [`${secret}\n`],
    });
    expect(lines[0]).toBe(`${" ".repeat(4090)}[REDAC…`);
    expect(lines.slice(1)).toEqual(["key=[REDACTED].", "[REDACTED]"]);
  });

  test("does not come from standard input, which is empty", async () => {
    expect((await run("cat; echo over")).lines).toEqual(["over"]);
  });
});

describe("the end", () => {
  test("follows the exit of the program, even if its children keep the output open", async () => {
    const { exitCode, lines } = await run("sleep 1000 & echo $!");
    expect(exitCode).toBe(0);
    expect(lines[1]).toBe("the program has exited, but a process that it started keeps its output open");
    process.kill(Number(lines[0]), "SIGKILL");
  });

  test("is requested with SIGTERM to the program and its children", async () => {
    const stop = new AbortController();
    const logger = { ...createRecordingLogger(), info: () => stop.abort() };
    await using tmp = await tmpdir();
    const { exitCode } = await run(
      `trap 'wait; exit 5' TERM
       (trap 'echo child >${tmp.path}/child; exit' TERM; echo ready; while :; do sleep 0.01; done) & wait`,
      { stop: stop.signal, logger },
    );
    expect(exitCode).toBe(5);
    expect(await Bun.file(`${tmp.path}/child`).text()).toBe("child\n");
  });

  test("is enforced with SIGKILL if SIGTERM is ignored", async () => {
    const stop = new AbortController();
    const kill = new AbortController();
    const lines: string[] = [];
    const logger = {
      ...createRecordingLogger(),
      info(line: string) {
        lines.push(line);
        if (line === "ready") stop.abort();
        if (line === "no") kill.abort();
      },
    };
    const script = "trap 'echo no' TERM; echo $$; echo ready; while :; do sleep 0.01; done";
    const { exitCode } = await run(script, { stop: stop.signal, kill: kill.signal, logger });
    expect(exitCode).toBe(137);
    expect(lines).toContain("no");
    expect(() => process.kill(Number(lines[0]), 0)).toThrow();
  });

  test("leaves no process of the program", async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    const logger = { ...createRecordingLogger(), info: (line: string) => (lines.push(line), stop.abort()) };
    await run("(trap '' TERM; exec sleep 1000) & echo $!; exec sleep 1000", { stop: stop.signal, logger });
    expect(await eventually(async () => !isAlive(Number(lines[0])))).toBe(true);
  });
});

describe("a program that cannot be started", () => {
  test("is named", async () => {
    const work = run("", { command: ["/nowhere/program"] });
    await expect(work).rejects.toMatchObject({
      code: "PROGRAM_FAILED",
      message: expect.stringContaining('"/nowhere/program"'),
    });
  });

  test("is not started after the time limit", async () => {
    const work = run("exit 0", { stop: AbortSignal.abort() });
    await expect(work).rejects.toMatchObject({ code: "PROGRAM_FAILED" });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

async function eventually(check: () => Promise<boolean>): Promise<boolean> {
  for (let round = 0; round < 200; round += 1) {
    if (await check()) return true;
    await Bun.sleep(10);
  }
  return false;
}
