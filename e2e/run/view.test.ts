import { describe, expect, test } from "bun:test";
import { createTester } from "../support/fixtures.ts";
import { runJob } from "../support/jobs.ts";

// oxlint-disable-next-line no-control-regex
const anyControl = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/;

/** Replaces durations and sizes, which depend on the machine. */
const timeless = (text: string) => text.replaceAll(/\d+\.\d (s|MiB)/g, "0.0 $1");

const job = {
  env: { NAME: "world" },
  commands: [
    'echo "Hello, $NAME"',
    "printf '10%%\\r50%%\\r100%%\\n'; printf '\\033[31mred\\033[0m and plain\\n'; printf 'no line end'",
    { directive: "for i in 1 2; do\n  echo $i\ndone; (exit 9)", alias: "Loop" },
    "echo never",
  ],
  epilogue_on_fail_commands: ["true"],
};

describe("the log in a pipe", () => {
  test("has a section per command, exit codes and durations, no control characters, and the last state of progress lines", async () => {
    await using tester = await createTester();
    const { exitCode, stdout, stderr } = await runJob(tester, job);
    expect(timeless(stdout)).toBe(`▸ Exporting environment variables
Exporting NAME
✓ 0.0 s
▸ Injecting Files
✓ 0.0 s
▸ echo "Hello, $NAME"
Hello, world
✓ 0.0 s
▸ printf '10%%\\r50%%\\r100%%\\n'; printf '\\033[31mred\\033[0m and plain\\n'; printf 'no line end'
100%
red and plain
no line end
✓ 0.0 s
▸ Loop
Running: for i in 1 2; do
  echo $i
done; (exit 9)
1
2
✗ exit code 9, 0.0 s
▸ Exporting environment variables
Exporting SEMAPHORE_JOB_RESULT
✓ 0.0 s
▸ true
✓ 0.0 s

failed in 0.0 s: exit code 9 from "Loop"
CPU 0.0 s, memory 0.0 MiB
`);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: "" });
  });

  test("keeps the job's colours with FORCE_COLOR", async () => {
    await using tester = await createTester();
    const { stdout } = await runJob(tester, job, [], { env: { FORCE_COLOR: "1" } });
    expect(stdout).toContain("\x1b[31mred\x1b[0m and plain\n");
    expect(stdout).toContain("\n100%\n");
  });

  test("shows the durations of the command and the job", async () => {
    await using tester = await createTester();
    const { stdout } = await runJob(tester, { commands: ["sleep 1.2"] });
    expect(stdout).toMatch(/\n▸ sleep 1\.2\n✓ [1-9]\.\d s\n/);
    expect(stdout).toMatch(/\npassed in [1-9]\.\d s\nCPU .*\n$/);
  });
});

describe("the log in a terminal", () => {
  test("keeps colours, applies carriage returns, and shows the failed command", async () => {
    await using tester = await createTester();
    const file = await tester.write("job.json", JSON.stringify(job));
    const { exitCode, stdout } = await tester.start(["run", file], { isTerminal: true }).finished;
    expect(stdout).toContain("\x1b[31mred\x1b[0m and plain");
    expect(stdout).toContain("10%\r\x1b[K50%\r\x1b[K100%\r\n");
    expect(timeless(Bun.stripANSI(stdout))).toContain("✗ exit code 9, 0.0 s\r\n");
    expect(timeless(Bun.stripANSI(stdout))).toEndWith(
      '\r\nfailed in 0.0 s: exit code 9 from "Loop"\r\nCPU 0.0 s, memory 0.0 MiB\r\n',
    );
    expect(exitCode).toBe(1);
  });

  test("has no colours with NO_COLOR", async () => {
    await using tester = await createTester();
    const file = await tester.write("job.json", JSON.stringify(job));
    const options = { isTerminal: true, env: { NO_COLOR: "1" } };
    const { stdout } = await tester.start(["run", file], options).finished;
    // oxlint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/\x1b\[[\d;]*m/);
    expect(stdout).toContain("red and plain");
  });

  test("shows an incomplete line", async () => {
    await using tester = await createTester();
    const commands = ["printf 'wait for '; printf 'it'; until [ -e go ]; do sleep 0.02; done"];
    const file = await tester.write("job.json", JSON.stringify({ commands }));
    const running = tester.start(["run", file], { isTerminal: true });
    await running.shows("\nwait for it");
    await tester.write("go", "");
    expect((await running.finished).exitCode).toBe(0);
  });

  test("is not controlled by a job's output: no title, clearing, cursor movement, bell or query", async () => {
    await using tester = await createTester();
    const commands = [
      "printf 'a\\033]0;title\\007b\\033[2J\\033[Hc\\033[6nd\\007e\\033cf\\033[?1049hg\\033P1;1|x\\033\\\\h\\033]52;c;eA==\\033\\\\i\\n'",
      "printf 'unfinished \\033]0;'",
      "printf 'next \\033['",
    ];
    const file = await tester.write("job.json", JSON.stringify({ commands }));
    const { stdout } = await tester.start(["run", file], { isTerminal: true }).finished;
    expect(stdout).toContain("abcdefghi");
    expect(stdout).toContain("unfinished ");
    expect(stdout).toContain("next ");
    // oxlint-disable-next-line no-control-regex
    const rest = stdout.replaceAll(/\x1b\[[\d;]*m|\r\n|\r\x1b\[K/g, "");
    expect(rest).not.toMatch(anyControl);
  });

  test("is not controlled by a directive or an alias", async () => {
    await using tester = await createTester();
    const commands = [{ directive: "true", alias: "a\x1b[2Jb\x07c\rd" }, "true \x1b]0;x\x07"];
    const file = await tester.write("job.json", JSON.stringify({ commands }));
    const { stdout } = await tester.start(["run", file], { isTerminal: true }).finished;
    // oxlint-disable-next-line no-control-regex
    expect(stdout.replaceAll(/\x1b\[[\d;]*m|\r\n/g, "")).not.toMatch(anyControl);
  });
});
