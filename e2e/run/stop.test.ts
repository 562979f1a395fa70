import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createTester, type Tester } from "../support/fixtures.ts";
import { findLeftovers, findProcesses, outline, toEvents, uniqueSeconds, until } from "../support/jobs.ts";

const epilogues = {
  epilogue_always_commands: ["touch epilogue"],
  epilogue_on_fail_commands: ["touch epilogue"],
};

const inHome = (tester: Tester, file: string) => path.join(tester.home, file);
const agentLog = (tester: Tester) => readFile(path.join(tester.temporary, "agent_log"), "utf8");
const keptEvents = async (tester: Tester) => toEvents(await readFile(inHome(tester, "kept"), "utf8"));

describe("Ctrl-C in a terminal", () => {
  test("stops the job: exit status 130, no further command, no epilogue, all commands closed, no process left", async () => {
    await using tester = await createTester();
    const seconds = uniqueSeconds();
    const command = `echo ready; sleep ${seconds}; touch deployed`;
    await tester.write("job.json", JSON.stringify({ commands: [command, "touch next"], ...epilogues }));
    const running = tester.start(["run", "job.json", "--keep", "kept"], { isTerminal: true });
    await running.shows("\nready");
    running.type("\x03");
    const { exitCode, stdout } = await running.finished;
    expect(exitCode).toBe(130);
    expect(outline(await keptEvents(tester)).slice(3)).toEqual([`[${command}] 1: ready\n`, "end stopped"]);
    expect(stdout).toContain("stopped in ");
    for (const file of ["deployed", "next", "epilogue"]) expect(existsSync(inHome(tester, file))).toBe(false);
    expect(findProcesses(seconds)).toEqual([]);
    expect(await findLeftovers(tester)).toEqual([]);
  });

  test("pressed twice kills a job that ignores SIGTERM at once", async () => {
    await using tester = await createTester();
    const seconds = uniqueSeconds();
    const command = `trap '' TERM INT HUP; (trap '' TERM INT HUP; sleep ${seconds}) & echo ready; sleep ${seconds}; touch deployed`;
    await tester.write("job.json", JSON.stringify({ commands: [command], ...epilogues }));
    const args = ["run", "job.json", "--keep", "kept", "--stop-grace-period", "3600"];
    const running = tester.start(args, { isTerminal: true });
    await running.shows("\nready");
    await until("both programs run", () => findProcesses(seconds).length >= 2);
    running.type("\x03");
    await running.shows("a second signal kills it");
    expect(findProcesses(seconds)).not.toEqual([]);
    running.type("\x03");
    expect((await running.finished).exitCode).toBe(130);
    expect(outline(await keptEvents(tester)).at(-1)).toBe("end stopped");
    expect(existsSync(inHome(tester, "deployed"))).toBe(false);
    expect(findProcesses(seconds)).toEqual([]);
    expect(await findLeftovers(tester)).toEqual([]);
    expect(await agentLog(tester)).toContain("how=kill");
  });

  test("gives a program that traps SIGTERM the grace period to clean up; its script does not continue", async () => {
    await using tester = await createTester();
    await tester.write(
      "clean.sh",
      "trap 'sleep 0.3; echo cleaned; touch cleaned; exit 0' TERM\necho ready\nwhile :; do sleep 0.05; done\n",
    );
    const command = "bash clean.sh && touch deployed";
    await tester.write("job.json", JSON.stringify({ commands: [command], ...epilogues }));
    const running = tester.start(["run", "job.json", "--keep", "kept"], { isTerminal: true });
    await running.shows("\nready");
    running.type("\x03");
    expect((await running.finished).exitCode).toBe(130);
    expect(existsSync(inHome(tester, "cleaned"))).toBe(true);
    expect(existsSync(inHome(tester, "deployed"))).toBe(false);
    const lines = outline(await keptEvents(tester)).slice(3);
    expect(lines[0]).toStartWith(`[${command}] 1: ready\n`);
    expect(lines[0]).toContain("\ncleaned\n");
    expect(lines.slice(1)).toEqual(["end stopped"]);
  });

  test("stops the job at any moment between the first and the last command", async () => {
    await using tester = await createTester();
    const commands = Array.from({ length: 400 }, (_, index) => `echo ${index}; sleep 0.01`);
    await tester.write("job.json", JSON.stringify({ commands, ...epilogues }));
    const rounds = Array.from({ length: 4 }, async (_, round) => {
      const running = tester.start(["run", "job.json", "--keep", `kept${round}`], { isTerminal: true });
      await running.shows(`echo ${round * 3};`);
      running.type("\x03");
      expect((await running.finished).exitCode).toBe(130);
      const events = toEvents(await readFile(inHome(tester, `kept${round}`), "utf8"));
      expect(outline(events).at(-1)).toBe("end stopped");
    });
    await Promise.all(rounds);
    expect(existsSync(inHome(tester, "epilogue"))).toBe(false);
    expect(await findLeftovers(tester)).toEqual([]);
  });

  test("stops the job while the login shell's profile hangs", async () => {
    await using tester = await createTester();
    const seconds = uniqueSeconds();
    await tester.write(".bash_profile", `touch "$HOME/started"; sleep ${seconds}; touch "$HOME/deployed"\n`);
    await tester.write("job.json", JSON.stringify({ commands: ["touch deployed"], ...epilogues }));
    const running = tester.start(["run", "job.json", "--keep", "kept"], { isTerminal: true });
    await until("the profile runs", () => existsSync(inHome(tester, "started")));
    running.type("\x03");
    expect((await running.finished).exitCode).toBe(130);
    expect(outline(await keptEvents(tester))).toEqual(["start", "end stopped"]);
    expect(existsSync(inHome(tester, "deployed"))).toBe(false);
    expect(findProcesses(seconds)).toEqual([]);
    expect(await findLeftovers(tester)).toEqual([]);
  });
});

test("a signal at any time, also before the job starts, causes exit status 130 and leaves no process", async () => {
  await using tester = await createTester();
  const seconds = uniqueSeconds();
  await tester.write(
    "job.json",
    JSON.stringify({ commands: [`sleep ${seconds}; touch deployed`], ...epilogues }),
  );
  for (let delayMs = 0; delayMs <= 60; delayMs += 5) {
    const running = tester.start(["run", "job.json"]);
    await Bun.sleep(delayMs);
    running.kill("SIGINT");
    expect((await running.finished).exitCode).toBe(130);
  }
  expect(findProcesses(seconds)).toEqual([]);
  for (const file of ["deployed", "epilogue"]) expect(existsSync(inHome(tester, file))).toBe(false);
  expect(await findLeftovers(tester)).toEqual([]);
});

test("a job with much output is stopped, and its output until then is complete", async () => {
  await using tester = await createTester();
  await tester.write(
    "job.json",
    JSON.stringify({ commands: ["seq 1 1000000000; touch deployed"], ...epilogues }),
  );
  const running = tester.start(["run", "job.json", "--keep", "kept"]);
  await running.shows("\n20000\n");
  running.kill("SIGINT");
  expect((await running.finished).exitCode).toBe(130);
  const [command, end] = outline(await keptEvents(tester)).slice(3);
  expect(end).toBe("end stopped");
  const numbers = command!.slice(command!.indexOf("1: ") + 3).split("\n");
  numbers.pop();
  expect(numbers.findIndex((number, index) => Number(number) !== index + 1)).toBe(-1);
  for (const file of ["deployed", "epilogue"]) expect(existsSync(inHome(tester, file))).toBe(false);
});

test("when the binary is killed with SIGKILL, the job's script does not continue, and its processes are killed", async () => {
  await using tester = await createTester();
  const seconds = uniqueSeconds();
  const job = {
    commands: [`setsid sleep ${seconds} & echo ready; sleep ${seconds}; touch deployed`],
    ...epilogues,
  };
  await tester.write("job.json", JSON.stringify(job));
  const running = tester.start(["run", "job.json"]);
  await running.shows("\nready");
  running.kill("SIGKILL");
  await running.finished;
  await until("the job's processes have exited", () => findProcesses(seconds).length === 0);
  for (const file of ["deployed", "epilogue"]) expect(existsSync(inHome(tester, file))).toBe(false);
});

describe.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s", (signal) => {
  test("stops the job like Ctrl-C", async () => {
    await using tester = await createTester();
    const seconds = uniqueSeconds();
    const job = { commands: [`echo ready; sleep ${seconds}; touch deployed`], ...epilogues };
    await tester.write("job.json", JSON.stringify(job));
    const running = tester.start(["run", "job.json", "--keep", "kept"]);
    await running.shows("\nready");
    running.kill(signal);
    expect((await running.finished).exitCode).toBe(130);
    expect(outline(await keptEvents(tester)).at(-1)).toBe("end stopped");
    for (const file of ["deployed", "epilogue"]) expect(existsSync(inHome(tester, file))).toBe(false);
    expect(findProcesses(seconds)).toEqual([]);
    expect(await findLeftovers(tester)).toEqual([]);
  });
});
