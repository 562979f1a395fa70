import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { binary, createTester, type Tester } from "../support/fixtures.ts";
import { findLeftovers, findProcesses, runJob, uniqueSeconds } from "../support/jobs.ts";
import { escapes, jobUidOf, programOf, users } from "../support/users.ts";

const inHome = (tester: Tester, file: string) => path.join(tester.home, file);
const agentLog = (tester: Tester) => readFile(path.join(tester.temporary, "agent_log"), "utf8");

describe.each(users)("a process that a job of $user leaves running", ({ as }) => {
  test("is ended when the job has passed, and logged in the agent's log", async () => {
    await using tester = await createTester();
    const program = await programOf(tester, as);
    const seconds = uniqueSeconds();
    const job = { commands: [escapes(seconds), "id -u"] };
    const { exitCode, stdout } = await runJob(tester, job, ["--stop-grace-period", "0.3"], { program });
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`\n${jobUidOf(as)}\n`);
    expect(findProcesses(seconds)).toEqual([]);
    const log = await agentLog(tester);
    expect(
      log.split("\n").filter((line) => line.includes(`"sleep ${seconds}"`)).length,
    ).toBeGreaterThanOrEqual(7);
    expect(log).toContain("how=term");
    expect(log).toContain("how=kill");
    expect(await findLeftovers(tester)).toEqual([]);
  });

  test("is ended when the job is stopped", async () => {
    await using tester = await createTester();
    const program = await programOf(tester, as);
    const seconds = uniqueSeconds();
    const job = { commands: [escapes(seconds), `echo ready; sleep ${seconds}; touch deployed`] };
    await tester.write("job.json", JSON.stringify(job));
    const args = ["run", "job.json", "--stop-grace-period", "0.3"];
    const running = tester.start(args, { program, isTerminal: true });
    await running.shows("\nready");
    running.type("\x03");
    expect((await running.finished).exitCode).toBe(130);
    expect(findProcesses(seconds)).toEqual([]);
    expect(existsSync(inHome(tester, "deployed"))).toBe(false);
    expect(await findLeftovers(tester)).toEqual([]);
  });
});

test("keep-processes does not end the named programs, and the agent's log lists them", async () => {
  await using tester = await createTester();
  const [kept, ended] = [uniqueSeconds(), uniqueSeconds()];
  const job = {
    commands: [`setsid sh -c 'echo $$ >pid; exec sleep ${kept}' & setsid sleep ${ended} & sleep 0.2`],
  };
  try {
    await runJob(tester, job, ["--keep-processes", `*sleep ${kept}*`]);
    expect(findProcesses(kept)).toEqual([`sleep ${kept}`]);
    expect(findProcesses(ended)).toEqual([]);
    expect(await agentLog(tester)).toContain(`left "sleep ${kept}" running`);
  } finally {
    process.kill(Number(await readFile(inHome(tester, "pid"), "utf8")), "SIGKILL");
  }
});

test("two simultaneous runs of the same job do not affect each other's processes or files", async () => {
  await using tester = await createTester();
  const seconds = uniqueSeconds();
  const command = [
    `sleep ${seconds} & echo $! > "pid-$WHO"; echo ready`,
    'until [ -e "go-$WHO" ]; do sleep 0.02; done',
    'kill -0 "$(cat "pid-$WHO")" && echo alive; ls "${TMPDIR:-/tmp}"/.env-* >/dev/null && echo exported',
  ].join("\n");
  await tester.write("job.json", JSON.stringify({ id: "same", env: { SAME: "1" }, commands: [command] }));
  const start = (who: string) => tester.start(["run", "job.json", "--env", `WHO=${who}`]);
  const [first, second] = [start("first"), start("second")];
  await Promise.all([first.shows("\nready"), second.shows("\nready")]);
  await tester.write("go-first", "");
  expect((await first.finished).stdout).toContain("\nalive\nexported\n");
  await tester.write("go-second", "");
  const { exitCode, stdout } = await second.finished;
  expect(stdout).toContain("\nalive\nexported\n");
  expect(exitCode).toBe(0);
  expect(findProcesses(seconds)).toEqual([]);
});

test("a job is stopped when its log is not read any more, and leaves no process", async () => {
  await using tester = await createTester();
  const seconds = uniqueSeconds();
  const command = `setsid sleep ${seconds} & while :; do echo "line $((++n))"; done`;
  await tester.write(
    "job.json",
    JSON.stringify({ commands: [command], epilogue_always_commands: ["touch epilogue"] }),
  );
  const script = 'set -o pipefail; "$0" run job.json | head -1';
  const { exitCode, stdout, stderr } = await tester.exec(["bash", "-c", script, binary]);
  expect(stdout).toBe("▸ Exporting environment variables\n");
  expect(exitCode).toBe(130);
  expect(stderr).not.toMatch(/\bat .*:\d+:\d+/);
  expect(findProcesses(seconds)).toEqual([]);
  expect(existsSync(inHome(tester, "epilogue"))).toBe(false);
  expect(await findLeftovers(tester)).toEqual([]);
});
