import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { binary, createTester } from "../support/fixtures.ts";
import {
  findLeftovers,
  findProcesses,
  outputOf,
  runForEvents,
  toEvents,
  uniqueSeconds,
} from "../support/jobs.ts";

test("secrets and variables of the agent are not in a job's environment", async () => {
  await using tester = await createTester();
  const env = {
    SEMAPHORE_AGENT_TOKEN: "registration-token",
    BUN_OPTIONS: "--smol",
    BUN_BE_BUN: "0",
    BUN_INSPECT_NOTIFY: "unix:///nowhere",
    VISIBLE: "visible",
  };
  const command = "tr '\\0' '\\n' <\"/proc/$$/environ\"; export";
  const { exitCode, events } = await runForEvents(tester, { commands: [command] }, [], { env });
  const output = outputOf(events, command);
  expect(output).toContain("VISIBLE=visible\n");
  expect(output).not.toMatch(/BUN_|SEMAPHORE_AGENT_TOKEN|registration-token/);
  expect(exitCode).toBe(0);
});

test("a job's directories and the file with its variables are private, whatever the umask", async () => {
  await using tester = await createTester();
  const command =
    'cd "$TMPDIR"; find . -mindepth 1 -type d -printf "%m %f\\n"; stat -c "%a %n" .env-*; find . -perm /077 ! -name agent_log ! -path .';
  await tester.write("job.json", JSON.stringify({ env: { A: "a" }, commands: [command] }));
  const { stdout } = await tester.exec(["bash", "-c", 'umask 000; exec "$0" run job.json --json', binary]);
  const output = outputOf(toEvents(stdout), command);
  expect(output).toMatch(/^(700 \S+\n)+(600 \.env-\d+\n)+$/);
  expect(await findLeftovers(tester)).toEqual([]);
});

describe("a secret in the log", () => {
  const secret = "correct-horse battery";
  const pem = "-----BEGIN PRIVATE KEY-----\nabcdef\nghijkl\n-----END PRIVATE KEY-----";
  const seconds = uniqueSeconds();
  const job = {
    env: { API_TOKEN: secret, DEPLOY_KEY: pem, SHORT_TOKEN: "true", CI: "true", PLAIN: "plain text" },
    commands: [
      'echo "$API_TOKEN"; printf %s "${API_TOKEN:0:9}"; sleep 0.3; printf "%s\\n" "${API_TOKEN:9}"; echo "$PLAIN $CI"',
      'echo "$DEPLOY_KEY"',
      `echo ${secret} in the directive`,
      { directive: "true", alias: `alias with ${secret}` },
      `setsid sh -c 'sleep ${seconds}; :' "$API_TOKEN" & sleep 0.2`,
    ],
  };

  test.each([[[]], [["--json"]]])(
    "is masked in the view %j, in the kept file and in the agent's log",
    async (args) => {
      await using tester = await createTester();
      await tester.write("job.json", JSON.stringify(job));
      const { stdout, stderr } = await tester.run([
        "run",
        "job.json",
        "--keep",
        "kept",
        "--log-level",
        "trace",
        ...args,
      ]);
      const kept = await readFile(path.join(tester.home, "kept"), "utf8");
      const agentLog = await readFile(path.join(tester.temporary, "agent_log"), "utf8");
      expect(findProcesses(seconds)).toEqual([]);
      expect(stdout.match(/\[REDACTED\]/g)?.length).toBeGreaterThanOrEqual(5);
      expect(stdout).toContain("plain text true");
      for (const text of [stdout, stderr, kept]) expect(text).not.toMatch(/correct-horse|abcdef|ghijkl/);
      expect(agentLog).toContain(`sleep ${seconds}`);
      expect(agentLog).not.toMatch(/correct-horse|abcdef|ghijkl/);
    },
  );

  test("a variable set with --env is masked by its name as well", async () => {
    await using tester = await createTester();
    const command = "echo $GIVEN_PASSWORD";
    const { events } = await runForEvents(tester, { commands: [command] }, [
      "--env",
      "GIVEN_PASSWORD=hunter2hunter2",
    ]);
    expect(outputOf(events, command)).toBe("[REDACTED]\n");
  });
});
