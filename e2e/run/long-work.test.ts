import { describe, expect, test } from "bun:test";
import { createScene } from "../support/agents.ts";
import { createTester, type StartOptions, type Tester } from "../support/fixtures.ts";
import { openGates, submitGatedJob } from "../support/gated-job.ts";
import { runJob, until } from "../support/jobs.ts";

/** What erases the status line. */
const erasing = "\x1b7\x1b[0m\x1b[J\x1b8";
/** A status line in a terminal. */
// oxlint-disable-next-line no-control-regex
const line = /\x1b7\x1b\[0m\x1b\[J(?:\x1b\[2m)?([^\x1b]+)(?:\x1b\[0m)?\x1b8/g;

const linesOf = (stdout: string) => Array.from(stdout.matchAll(line), ([, text]) => text!);
const waiting = "until [ -e go ]; do sleep 0.05; done";

async function start(tester: Tester, commands: readonly string[], args: string[], options: StartOptions) {
  const file = await tester.write("job.json", JSON.stringify({ commands }));
  return tester.start(["run", file, ...args], options);
}

describe("the status line of run", () => {
  test("names the command that is silent and its time, and is erased before other output and at the end", async () => {
    await using tester = await createTester();
    const running = await start(tester, ["echo begun", waiting, "echo over"], [], { isTerminal: true });
    await running.shows(`running ${waiting}, 3 s`);
    await tester.write("go", "");
    const { exitCode, stdout } = await running.finished;
    expect(exitCode).toBe(0);
    const after = stdout.slice(stdout.lastIndexOf(`running ${waiting}`));
    expect(after.slice(after.indexOf("\x1b8"))).toStartWith(`\x1b8${erasing}`);
    // The erased line leaves nothing: what remains is the log.
    expect(linesOf(stdout).every((text) => text.startsWith("running until"))).toBe(true);
  });

  test("is cut to 40 columns, and keeps the time", async () => {
    await using tester = await createTester();
    const command = `: 東京東京東京東京東京東京東京東京東京東京東京; ${waiting}`;
    const running = await start(tester, [command], [], { isTerminal: true, columns: 40 });
    await until("the line is shown", () => linesOf(running.stdout).length > 0);
    await tester.write("go", "");
    const { stdout } = await running.finished;
    for (const text of linesOf(stdout)) {
      expect(Bun.stringWidth(text)).toBeLessThan(40);
      expect(text).toMatch(/^running : 東京東.*…, \d+ s$/);
    }
  });

  test("has no colour with NO_COLOR", async () => {
    await using tester = await createTester();
    const options = { isTerminal: true, env: { NO_COLOR: "1" } };
    const running = await start(tester, [waiting], [], options);
    await until("the line is shown", () => linesOf(running.stdout).length > 0);
    await tester.write("go", "");
    expect((await running.finished).stdout).not.toContain("\x1b[2m");
  });

  test("has the last line of a command that is folded", async () => {
    await using tester = await createTester();
    const command = `printf '\\033[32m2 of 5 layers\\033[0m\\n\\n'; ${waiting}`;
    const running = await start(tester, [command], ["--fold"], { isTerminal: true, columns: 120 });
    const isShown = (text: string): boolean => /^running printf .*: 2 of 5 layers, \d+ s$/.test(text);
    await until("the line is shown", () => linesOf(running.stdout).some(isShown));
    await tester.write("go", "");
    expect((await running.finished).exitCode).toBe(0);
  });

  test("does not disturb an incomplete line of the job", async () => {
    await using tester = await createTester();
    const running = await start(tester, [`printf half; sleep 3; printf ' done\\n'; ${waiting}`], [], {
      isTerminal: true,
    });
    await until("the line is shown", () => linesOf(running.stdout).length > 0);
    await tester.write("go", "");
    expect((await running.finished).stdout).toContain("half done\r\n");
  });

  test("is erased before the message that the job is stopped", async () => {
    await using tester = await createTester();
    const running = await start(tester, ["sleep 60"], [], { isTerminal: true });
    await running.shows("running sleep 60");
    running.type("\x03");
    const { exitCode, stdout } = await running.finished;
    expect(exitCode).toBe(130);
    const after = stdout.slice(stdout.lastIndexOf("running sleep 60"));
    expect(after.indexOf(erasing)).toBeLessThan(after.indexOf("stopping the job"));
  });

  test.each<[string, StartOptions]>([
    ["with TERM=dumb", { isTerminal: true, env: { TERM: "dumb" } }],
    ["with CI", { isTerminal: true, env: { CI: "1", NO_COLOR: "1" } }],
    ["in a pipe", {}],
  ])("%s there is none, and no control sequence", async (_, options) => {
    await using tester = await createTester();
    const running = await start(tester, ["printf '1%%\\r2%%\\n'; sleep 3"], ["--fold", "--summary"], options);
    const { exitCode, stdout, stderr } = await running.finished;
    expect(exitCode).toBe(0);
    expect(stdout).toContain("result  duration  command");
    // oxlint-disable-next-line no-control-regex
    expect((stdout + stderr).replaceAll("\r\n", "\n")).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
  });
});

describe("the end of run", () => {
  test("has a table of the commands after a long job in a terminal, cut to its width", async () => {
    await using tester = await createTester();
    const commands = [
      ...Array.from({ length: 11 }, (_, index) => `echo ${index}`),
      `true ${"x".repeat(100)}`,
    ];
    const long = await (await start(tester, commands, [], { isTerminal: true, columns: 40 })).finished;
    const table = Bun.stripANSI(long.stdout).split("\r\n\r\n").at(-2)!.split("\r\n");
    expect(table[0]).toBe("result  duration  command");
    expect(table.length).toBeGreaterThan(12);
    for (const row of table) expect(Bun.stringWidth(row)).toBeLessThanOrEqual(40);
    expect(table).toContainEqual(expect.stringMatching(/^passed +\d\.\d s  true x+…$/));
    const off = await (await start(tester, commands, ["--summary=false"], { isTerminal: true })).finished;
    expect(off.stdout).not.toContain("duration  command");
    expect((await runJob(tester, { commands })).stdout).not.toContain("duration  command");
  });

  test("with --fold has one line for what passed, and names the command that shows the whole log", async () => {
    await using tester = await createTester();
    const commands = ["echo hidden", "echo shown; (exit 3)"];
    const { exitCode, stdout, stderr } = await runJob(tester, { commands }, ["--fold"]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/✓ echo hidden  \d\.\d s\n▸ echo shown; \(exit 3\)\nshown\n✗ exit code 3/);
    expect(stdout).not.toContain("\nhidden");
    const [, file] = /^the whole log: signalman logs (\S+)\n$/.exec(stderr)!;
    const shown = await tester.run(["logs", file!]);
    expect(shown.stdout).toContain("▸ echo hidden\nhidden\n");
    const json = await tester.run(["logs", file!, "--json"]);
    expect(json.stdout).toContain('"output":"hidden\\n"');
  });

  test("with --fold and --keep names the file that was given", async () => {
    await using tester = await createTester();
    const { stderr } = await runJob(tester, { commands: ["true"] }, ["--fold", "--keep", "log.ndjson"]);
    expect(stderr).toBe(`the whole log: signalman logs ${tester.home}/log.ndjson\n`);
    const { exitCode, stdout } = await tester.run(["logs", "./log.ndjson"]);
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining("▸ true\n")]);
    const missing = await tester.run(["logs", "./none.ndjson"]);
    expect([missing.exitCode, missing.stderr]).toEqual([
      2,
      expect.stringContaining('log file "./none.ndjson" not found'),
    ]);
  });
});

describe("other long work in a terminal", () => {
  test("an agent that exits names the job that it waits for", async () => {
    await using scene = await createScene();
    const agent = await scene.readyAgent([], { isTerminal: true });
    const id = await submitGatedJob(scene);
    agent.kill("SIGQUIT");
    await agent.shows(`exiting after job ${id}`);
    await openGates(scene, 1, 2);
    const { exitCode, stdout } = await agent.finished;
    expect(exitCode).toBe(0);
    expect(stdout.slice(stdout.lastIndexOf("exiting after job"))).toContain(erasing);
  });

  test("hub submit --follow names what it waits for", async () => {
    await using scene = await createScene();
    const { tester, hub } = scene;
    const file = await tester.write("job.json", JSON.stringify({ commands: ["echo ran", waiting] }));
    const args = ["hub", "submit", file, "--follow", "--hub", hub.endpoint];
    const running = tester.start(args, { isTerminal: true });
    await running.shows("waiting for the start of job ");
    await scene.readyAgent();
    await running.shows(`running ${waiting}`);
    await tester.write("go", "");
    expect((await running.finished).exitCode).toBe(0);
  });

  test("doctor names the checks that it waits for", async () => {
    await using tester = await createTester();
    const plugin = `import { check, definePlugin } from "signalman";
export default definePlugin({ name: "slow", setup(ctx) {
  ctx.provide(check, "slow-check", { run: async () => { await Bun.sleep(3000); return []; } });
} });`;
    await tester.write("slow.ts", plugin);
    const config = await tester.write("config.json", JSON.stringify({ plugins: { "./slow.ts": {} } }));
    const running = tester.start(["doctor", "--config-file", config], { isTerminal: true });
    await until("the check is named", () => linesOf(running.stdout).some((text) => text.includes("slow")));
    const { stdout } = await running.finished;
    expect(stdout).toContain(erasing);
  });
});
