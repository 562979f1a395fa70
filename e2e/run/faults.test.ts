import { describe, expect, test } from "bun:test";
import { chmod, symlink, truncate } from "node:fs/promises";
import path from "node:path";
import { binary, createTester, type Finished, type Tester } from "../support/fixtures.ts";
import { findLeftovers } from "../support/jobs.ts";

/** Expects exit status 2, an empty stdout and a readable message on stderr. */
function expectRefused({ exitCode, stdout, stderr }: Finished, ...gatedCommands: (string | RegExp)[]): void {
  for (const part of gatedCommands)
    expect(stderr).toMatch(part instanceof RegExp ? part : new RegExp(RegExp.escape(part)));
  expect(stderr).toStartWith("error: ");
  expectNoTrace(stderr);
  expect(stderr.length).toBeLessThan(5000);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
}

function expectNoTrace(text: string): void {
  expect(text).not.toMatch(/^\s+at .*[:(]|\$bunfs|node:internal|\[object |undefined/m);
}

const runText = async (tester: Tester, text: string, args: readonly string[] = []) => {
  await tester.write("job.yaml", text);
  return tester.run(["run", "job.yaml", ...args]);
};

describe("an unreadable job file", () => {
  test.each([
    ["is missing", async () => {}, '"job.yaml"'],
    [
      "is a directory",
      (tester: Tester) => tester.write("job.yaml/x", ""),
      /"job\.yaml" is a directory: expected a file/,
    ],
    ["is empty", (tester: Tester) => tester.write("job.yaml", ""), /"job\.yaml" is empty: expected/],
    ["is blank", (tester: Tester) => tester.write("job.yaml", " \n# nothing\n\n"), /"job\.yaml".* expected/],
    [
      "is a link to itself",
      (tester: Tester) => symlink("job.yaml", path.join(tester.home, "job.yaml")),
      '"job.yaml"',
    ],
    [
      "is binary",
      (tester: Tester) => tester.exec(["cp", "/bin/ls", "job.yaml"]),
      /"job\.yaml" is not text: expected .* UTF-8/,
    ],
    [
      "is enormous",
      async (tester: Tester) => truncate(await tester.write("job.yaml", ""), 10 * 1024 ** 3),
      /"job\.yaml" is larger than 64 MiB/,
    ],
    [
      "is endless",
      (tester: Tester) => symlink("/dev/zero", path.join(tester.home, "job.yaml")),
      /"job\.yaml" is larger than/,
    ],
  ] as const)("that %s is reported with its name", async (_, prepare, message) => {
    await using tester = await createTester();
    await prepare(tester);
    expectRefused(await tester.run(["run", "job.yaml"]), message);
    expect(await findLeftovers(tester)).toEqual([]);
  });

  test("that this user may not read is reported with its name", async () => {
    await using tester = await createTester();
    const file = await tester.write("job.yaml", "commands: []\n");
    await chmod(file, 0o000);
    const as =
      process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all"] : [];
    await Promise.all([path.dirname(tester.home), tester.home].map((directory) => chmod(directory, 0o755)));
    await chmod(tester.temporary, 0o777);
    const program = path.join(tester.home, "signalman");
    await tester.exec(["cp", binary, program]);
    expectRefused(
      await tester.exec([...as, program, "run", "job.yaml"]),
      /"job\.yaml" cannot be read: permission denied/,
    );
  });

  test("on standard input is reported as standard input", async () => {
    await using tester = await createTester();
    expectRefused(await tester.run(["run", "-"], { stdin: "" }), /"standard input" is empty: expected/);
    expectRefused(
      await tester.run(["run", "-"], { stdin: "- a\n" }),
      /"standard input" is not a job request/,
    );
  });
});

describe("an invalid job file", () => {
  test.each([
    ["[1, 2]", /"job\.yaml" is not a job request.*"commands"/],
    ["just text", /"job\.yaml" is not a job request.*"commands"/],
    ["null", /"job\.yaml".*expected/],
    ["{}", /job\.yaml:1:1: commands: missing/],
    ["command: [x]", /job\.yaml.*commands: missing/],
    ["commands: 5", /job\.yaml:1:11: commands: expected a list, got a number/],
    ["commands: [[x]]", /job\.yaml:1:12: commands\[0\]: expected/],
    ["commands: [{alias: x}]", /commands\[0\]\.directive: missing/],
    ["commands: [x]\nenv: [a]", /job\.yaml:2:6: env: expected a mapping/],
    ["commands: [x]\nenv: {A: {b: c}}", /job\.yaml:2:\d+: env\.A: expected/],
    ["commands: [x]\nfiles: [{text: x}]", /job\.yaml:2:\d+: files\[0\]\.path: missing/],
    [
      "commands: [x]\nfiles: [{path: x, text: x, mode: rwx}]",
      /job\.yaml:2:\d+: files\[0\]\.mode: expected octal/,
    ],
    ["commands: [x]\nfiles: [{path: x, text: x, mode: 0999}]", /files\[0\]\.mode: expected octal/],
    ["commands: [x]\nid: a/../b", /job\.yaml:2:\d+: id: /],
    ["commands: [x]\nexecutor: 5", /job\.yaml:2:\d+: executor: expected/],
    ["commands: [x\n", /job\.yaml:\d+:\d+: /],
    ["a: &a [*a, *a]\ncommands: [x]\n\tb: c", /job\.yaml:\d+:\d+: /],
    ["commands: [x]\ncommands: [y]", /job\.yaml:2:1: duplicate key/],
    ['{"commands": ["x"],}}', /job\.yaml:\d+:\d+: /],
    [`${"[".repeat(100_000)}`, /job\.yaml/],
    [
      `a0: &a0 [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 12 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}]`).join("\n")}\ncommands: [x]`,
      /job\.yaml/,
    ],
  ])("%# is rejected with the position of the error", async (text, message) => {
    await using tester = await createTester();
    expectRefused(await runText(tester, text), message);
    expect(await findLeftovers(tester)).toEqual([]);
  });

  test("is reported with all its errors at once, without values of variables", async () => {
    await using tester = await createTester();
    const text = "commands: [{directive: [1]}]\nenv:\n  A_TOKEN: [s3cr3t-value]\nfiles: 7\n";
    const refused = await runText(tester, text);
    expectRefused(refused, "commands[0].directive", "env.A_TOKEN", "files: expected a list");
    expect(refused.stderr).not.toContain("s3cr3t-value");
  });

  test("may have unknown keys, which are ignored", async () => {
    await using tester = await createTester();
    expect((await runText(tester, "comands: [x]\ncommands: [{directive: true, x: 1}]\n")).exitCode).toBe(2);
    expect((await runText(tester, 'comands: [x]\ncommands: [{directive: "true", x: 1}]\n')).exitCode).toBe(0);
  });
});

describe("an invalid command line", () => {
  test.each([
    [["run"], '"run" needs <file>'],
    [["run", "job.yaml", "other.yaml"], '"other.yaml"'],
    [["run", "job.yaml", "--jsn"], /"--jsn".*--json/s],
    [["run", "job.yaml", "--env", "NAME"], /"--env".*expected NAME=value/],
    [["run", "job.yaml", "--env", "=x"], /"--env".*expected NAME=value/],
    [["run", "job.yaml", "--env"], '"--env" needs a value'],
    [["run", "job.yaml", "--from", "7"], /"--from 7" fits no command.*\n\s+1 {2}echo one/],
    [["run", "job.yaml", "--only", "zzz"], /"--only zzz" fits no command.*\n\s+1 {2}echo one/],
    [["run", "job.yaml", "--only", "echo"], /"--only echo" fits several commands/],
    [["run", "job.yaml", "--only", "1", "--from", "1"], /"--from" and "--only" exclude each other/],
    [["run", "job.yaml", "--json=maybe"], /--json/],
    [["run", "job.yaml", "--log-level", "loud"], /log-level \(--log-level\).*"info".*"loud"/],
    [["run", "job.yaml", "--stop-grace-period", "-1"], "stop-grace-period"],
    [["run", "job.yaml", "--stop-grace-period=soon"], /stop-grace-period.*"soon"/],
    [["run", "job.yaml", "--terminal-size", "9"], /terminal-size.*expected <columns>x<rows>.*"9"/],
    [["run", "job.yaml", "--log-disk-limit", "1 potato"], /log-disk-limit.*expected bytes/],
    [
      ["run", "job.yaml", "--config-file", "nowhere.yaml"],
      /^error: Error reading config file nowhere\.yaml: /,
    ],
    [["rum", "job.yaml"], /"rum".*run/s],
    [["--json", "run", "job.yaml"], '"--json"'],
  ])("%j exits with status 2 and reports what is expected", async (args, message) => {
    await using tester = await createTester();
    await tester.write("job.yaml", "commands: [echo one, echo two]\n");
    expectRefused(await tester.run(args), message);
  });

  test("or environment variable is reported with the variable's name", async () => {
    await using tester = await createTester();
    await tester.write("job.yaml", "commands: []\n");
    const env = { SEMAPHORE_AGENT_LOG_LEVEL: "loud" };
    expectRefused(await tester.run(["run", "job.yaml"], { env }), /SEMAPHORE_AGENT_LOG_LEVEL.*"loud"/);
  });
});

describe("an invalid configuration", () => {
  const run = (tester: Tester) => tester.run(["run", "-"], { stdin: "commands: [touch ran]\n" });

  test("is rejected with all its errors at once, each with its position and the nearest name", async () => {
    await using tester = await createTester();
    await tester.write(
      "signalman.config.yaml",
      "log-levl: debug\nstop-grace-period: soon\nplugins:\n  shell: { start-timout: 5, start-timeout: 0 }\n",
    );
    const refused = await run(tester);
    expectRefused(refused, "signalman.config.yaml:1", "log-levl", "log-level", "stop-grace-period");
    expectRefused(
      refused,
      /start-timout.*nearest: .*start-timeout/s,
      /start-timeout.*expected 1 or more seconds/,
    );
    expect(await Bun.file(path.join(tester.home, "ran")).exists()).toBe(false);
  });

  test.each([
    ["signalman.config.yaml", "a: [", /signalman\.config\.yaml/],
    ["signalman.config.yaml", "- a", /signalman\.config\.yaml/],
    ["signalman.config.json", "{", /signalman\.config\.json/],
    ["signalman.config.toml", "= 1", /signalman\.config\.toml/],
    ["signalman.config.ts", "export default {", /signalman\.config\.ts/],
    ["signalman.config.ts", 'throw new Error("from the config")', /signalman\.config\.ts.*from the config/s],
    ["signalman.config.yaml", "extends: ./nowhere.yaml", /nowhere\.yaml/],
    ["signalman.config.yaml", "plugins: { ./nowhere.ts: {} }", /no plugin at "\.\/nowhere\.ts"/],
    ["signalman.config.yaml", "plugins: { no-such-package: {} }", /no plugin named "no-such-package"/],
    ["signalman.config.yaml", "plugins: 5", /plugins/],
  ])("%s with %j is reported with its name", async (file, text, message) => {
    await using tester = await createTester();
    await tester.write(file, text);
    expectRefused(await run(tester), message);
  });
});
