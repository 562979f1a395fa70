import { describe, expect, test } from "bun:test";
import { readFile, stat, symlink } from "node:fs/promises";
import path from "node:path";
import { binary, createTester, type Tester } from "../support/fixtures.ts";
import { runJob, uniqueSeconds } from "../support/jobs.ts";

const humanLine =
  /^(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 123]\d \d\d:\d\d:\d\d\.\d{3} ([^ ]+ )*: .+$/;

/** A job that makes the agent log a line. */
const talkative = () => {
  const seconds = uniqueSeconds();
  return { seconds, job: { commands: [`setsid sleep ${seconds} & sleep 0.1`] } };
};
const defaultLog = (tester: Tester) => path.join(tester.temporary, "agent_log");

describe("the agent's log", () => {
  test("is <tmpdir>/agent_log with mode 0644; each message is appended as a line in the reference agent's format", async () => {
    await using tester = await createTester();
    const [first, second] = [talkative(), talkative()];
    await runJob(tester, first.job);
    await tester.write("job.json", JSON.stringify(second.job));
    await tester.exec(["sh", "-c", 'umask 027; "$0" run job.json', binary]);
    const text = await readFile(defaultLog(tester), "utf8");
    const lines = text.trimEnd().split("\n");
    for (const line of lines) expect(line).toMatch(humanLine);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain(`ended "sleep ${first.seconds}"`);
    expect(lines[1]).toContain(`ended "sleep ${second.seconds}"`);
    expect((await stat(defaultLog(tester))).mode & 0o777).toBe(0o644);
  });

  test("is at the path of --log-file-path or its variable; missing directories are created with mode 0755", async () => {
    await using tester = await createTester();
    await runJob(tester, talkative().job, ["--log-file-path", "a/b/agent.log"]);
    await runJob(tester, talkative().job, [], { env: { SEMAPHORE_AGENT_LOG_FILE_PATH: "c/agent.log" } });
    for (const file of ["a/b/agent.log", "c/agent.log"]) {
      expect(await readFile(path.join(tester.home, file), "utf8")).toContain('ended "sleep ');
      expect((await stat(path.join(tester.home, path.dirname(file)))).mode & 0o777).toBe(0o755);
    }
    expect(await Bun.file(defaultLog(tester)).exists()).toBe(false);
  });

  test("in JSON has one object for each line, with time, level and message", async () => {
    await using tester = await createTester();
    const { job, seconds } = talkative();
    await runJob(tester, job, ["--log-format", "json"]);
    const lines = (await readFile(defaultLog(tester), "utf8")).trimEnd().split("\n");
    const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const ended = records.find(({ message }) => String(message).includes(`"sleep ${seconds}"`));
    expect(ended).toMatchObject({ level: "info", tag: "shell", how: "term" });
    expect(Number.isNaN(Date.parse(String(ended?.["time"])))).toBe(false);
  });

  test("has only errors at level error", async () => {
    await using tester = await createTester();
    await runJob(tester, talkative().job, ["--log-level", "error"]);
    expect(await readFile(defaultLog(tester), "utf8")).toBe("");
  });

  test("has one line for each message, whatever the names of a job's processes", async () => {
    await using tester = await createTester();
    const seconds = uniqueSeconds();
    const command = `setsid bash -c 'exec -a "evil\nJan  1 00:00:00.000 : forged\x1b[2J" sleep ${seconds}' & sleep 0.2`;
    await runJob(tester, { commands: [command] });
    const text = await readFile(defaultLog(tester), "utf8");
    expect(text).toContain("evil");
    expect(text.trimEnd().split("\n")).toHaveLength(1);
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
  });

  test("does not follow a symbolic link in a world-writable directory; the job runs", async () => {
    await using tester = await createTester();
    const target = await tester.write("precious", "precious\n");
    await symlink(target, defaultLog(tester));
    const { exitCode, stderr } = await runJob(tester, talkative().job);
    expect(await readFile(target, "utf8")).toBe("precious\n");
    expect(stderr).toContain("agent_log");
    expect(exitCode).toBe(0);
  });

  test("that is configured but not writable is reported with its path", async () => {
    await using tester = await createTester();
    await tester.write("taken", "");
    const { exitCode, stdout, stderr } = await runJob(tester, { commands: ["true"] }, [
      "--log-file-path",
      "taken/x",
    ]);
    expect(stderr).toMatch(/^error: .*"taken\/x"/);
    expect(exitCode).toBeGreaterThan(0);
    expect(stdout).toBe("");
  });
});

describe("a TMPDIR", () => {
  test("that does not exist is reported with its path", async () => {
    await using tester = await createTester();
    const env = { TMPDIR: path.join(tester.home, "nowhere") };
    const { exitCode, stderr } = await runJob(tester, { commands: ["true"] }, [], { env });
    if (exitCode !== 0) expect(stderr).toContain(env.TMPDIR);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test("with spaces and quotes in its name works", async () => {
    await using tester = await createTester();
    await tester.write('it\'s a "tmp" $dir/x', "");
    const env = {
      TMPDIR: path.join(tester.home, 'it\'s a "tmp" $dir'),
      HOME: path.join(tester.home, 'it\'s a "tmp" $dir'),
    };
    const { exitCode, stdout } = await runJob(tester, { env: { A: "a" }, commands: ["echo $A; pwd"] }, [], {
      env,
    });
    expect(stdout).toContain(`\na\n${env.HOME}\n`);
    expect(exitCode).toBe(0);
  });
});
