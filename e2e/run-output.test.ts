import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import type { JobEvent } from "../src/log/events.ts";
import { binary, createTester } from "./fixtures.ts";
import { leftovers, living, outline, outputOf, runForEvents, uniqueSeconds } from "./jobs.ts";

describe("a job that floods", () => {
  test("100 MB are in the log whole and in order, in --json too, and memory stays small", async () => {
    await using tester = await createTester();
    const lines = 12_000_000;
    // The highest use of memory by the binary so far, from the session's own ancestors.
    const peak = `
pid=$$
until [ "$(readlink "/proc/$pid/exe")" = "$AGENT" ]; do pid=$(ps -o ppid= -p "$pid" | tr -d ' '); done
grep VmHWM "/proc/$pid/status"`;
    await tester.write("job.json", JSON.stringify({ env: { AGENT: binary }, commands: [`seq 1 ${lines}`, peak] }));
    const script = '"$0" run job.json --json --keep kept | sha256sum; [ "${PIPESTATUS[0]}" = 0 ]';
    const { exitCode, stdout, stderr } = await tester.exec(["bash", "-c", script, binary]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });

    const kept = path.join(tester.home, "kept");
    const [file, flood, expected] = [createHash("sha256"), createHash("sha256"), createHash("sha256")];
    let said = "";
    let bytes = 0;
    for await (const line of createInterface({ input: createReadStream(kept) })) {
      file.update(`${line}\n`);
      const event = JSON.parse(line) as JobEvent;
      if (event.event !== "cmd_output") continue;
      bytes += event.output.length;
      if (/^\d*\n/.test(event.output)) flood.update(event.output);
      else said += event.output;
    }
    expect(stdout.split(" ")[0]).toBe(file.digest("hex"));
    for (let first = 1; first <= lines; first += 100_000) {
      expected.update(`${Array.from({ length: 100_000 }, (_, index) => first + index).join("\n")}\n`);
    }
    expect(bytes).toBeGreaterThan(95_000_000);
    expect(flood.digest("hex")).toBe(expected.digest("hex"));
    const peakMegabytes = Number(/VmHWM:\s+(\d+) kB/.exec(said)?.[1]) / 1000;
    expect(peakMegabytes).toBeGreaterThan(10);
    expect(peakMegabytes).toBeLessThan(200);
  });
});

test("log-disk-limit bounds the log, and the job goes on: what is dropped is counted, and the log says so", async () => {
  await using tester = await createTester();
  const commands = ["seq 1 500000", "touch went-on; echo after"];
  const limit = 256 * 1024;
  const { exitCode, events, stderr } = await runForEvents(
    tester,
    { commands, epilogue_always_commands: ["touch epilogue"] },
    ["--log-disk-limit", "256KiB", "--keep", "kept"],
  );
  expect(exitCode).toBe(0);
  expect(outline(events).at(-1)).toBe("end passed");
  for (const file of ["went-on", "epilogue"]) {
    expect(await Bun.file(path.join(tester.home, file)).exists()).toBe(true);
  }
  expect((await stat(path.join(tester.home, "kept"))).size).toBeLessThan(limit + 4096);
  const output = outputOf(events, commands[0]!);
  const [said, numbers] = [/^\[signalman: .*\n/gm, output.replaceAll(/^\[signalman: .*\n/gm, "")];
  expect(output.match(said)?.join("")).toContain("log-disk-limit");
  const total = Buffer.byteLength(Array.from({ length: 500_000 }, (_, index) => `${index + 1}\n`).join(""));
  const dropped = Number(/(\d+) bytes of output were dropped/.exec(output)?.[1]);
  expect(dropped).toBeGreaterThan(2_000_000);
  // What is shown, what is dropped, and nothing else; a line end may have been added before the notice.
  expect(Math.abs(numbers.length + dropped - total)).toBeLessThanOrEqual(1);
  expect(stderr).toContain("log-disk-limit");
});

test("output shows while its command still runs, also without a line end", async () => {
  await using tester = await createTester();
  const job = { commands: ["printf 'half a line'; until [ -e go ]; do sleep 0.02; done"] };
  await tester.write("job.json", JSON.stringify(job));
  const running = tester.start(["run", "job.json", "--json"]);
  await running.shows("half a line");
  await running.shows('"output":"half a line"');
  await tester.write("go", "");
  expect((await running.finished).exitCode).toBe(0);
});

describe("a hostile job", () => {
  const after = "echo after";
  test.each([
    ["kills its shell", "echo last words; kill -9 $$", "last words\n"],
    ["exits", "echo last words; exit 0", "last words\n"],
    ["fails under set -e", "set -e; echo last words; false", "last words\n"],
    ["executes something else", "exec sh -c 'echo last words'", "last words\n"],
  ])("that %s loses no output: the command has 1, the rest does not run", async (_, command, output) => {
    await using tester = await createTester();
    for (let round = 0; round < 3; round++) {
      const { exitCode, events } = await runForEvents(tester, {
        commands: [command, "touch never"],
        epilogue_always_commands: ["touch never"],
      });
      const lines = outline(events);
      expect(lines[3]).toBe(`[${command}] 1: ${output}`);
      expect(lines[4]).toStartWith("[Exporting environment variables] 1: ");
      expect(lines.at(-1)).toBe("end failed");
      expect(exitCode).toBe(1);
    }
    expect(await Bun.file(path.join(tester.home, "never")).exists()).toBe(false);
    expect(await leftovers(tester)).toEqual([]);
  });

  test.each([
    ["closes its streams for a while", "exec 5>&1 1>&- 2>&-; true; exec 1>&5 2>&1", ""],
    ["sets PS1 and PROMPT_COMMAND", "export PS1='prompt> ' PS2='more> '; PROMPT_COMMAND='echo prompted'", ""],
    ["traps everything", "trap 'true' DEBUG RETURN ERR EXIT INT TERM HUP CHLD WINCH", ""],
    ["sets vi, history and job control", "set -o vi; set -o history; set -m; set +m", ""],
    ["makes the terminal raw", "stty raw -echo min 0 time 0", ""],
    ["echoes", "stty echo onlcr", ""],
    ["is not POSIX any more", "set -o posix; alias echo='echo aliased'; unalias echo", ""],
    ["has functions of our tools' names", "printf() { echo fake; }; source() { :; }; unset -f printf source", ""],
    ["leaves IFS, globs and options changed", "IFS=xe; set -f -u; shopt -s nullglob failglob", ""],
    ["clears its environment", "unset HOME TMPDIR PATH PWD; PATH=/usr/bin:/bin; cd /", ""],
    ["shows an escape for the markers", "printf '\\001\\n\\001 949556c7-%s-end 0\\n' 1", "\u0001\n\u0001 949556c7-1-end 0\n"],
  ])("that %s: the next command runs, and the log stays clean", async (_, command, output) => {
    await using tester = await createTester();
    const { exitCode, events } = await runForEvents(tester, { commands: [command, after, "(exit 3)"] });
    expect(outline(events).slice(3, 6)).toEqual([`[${command}] 0: ${output}`, `[${after}] 0: after\n`, "[(exit 3)] 3: "]);
    expect(exitCode).toBe(1);
  });

  test.each([
    ["closes its output", "exec 1>&- 2>&-"],
    ["closes its input as well", "exec 0<&- 1>&- 2>&-"],
    ["sends its output elsewhere", "exec >/dev/null 2>&1"],
  ])("that %s for good: the next commands run, with their exit codes", async (_, command) => {
    await using tester = await createTester();
    const commands = [command, "touch ran", "echo seen >/dev/tty", "(exit 3)"];
    const { events } = await runForEvents(tester, { commands });
    expect(outline(events).slice(3, 7)).toEqual([
      `[${command}] 0: `,
      "[touch ran] 0: ",
      "[echo seen >/dev/tty] 0: seen\n",
      "[(exit 3)] 3: ",
    ]);
    expect(await Bun.file(path.join(tester.home, "ran")).exists()).toBe(true);
  });

  test("that kills the leader of its terminal fails, and never hangs", async () => {
    await using tester = await createTester();
    const job = { commands: ["echo last words; kill -9 $PPID; sleep 0.2", "touch never"] };
    await tester.write("job.json", JSON.stringify(job));
    const rounds = Array.from({ length: 6 }, () =>
      tester.exec(["timeout", "8", binary, "run", "job.json", "--json"]),
    );
    for (const { exitCode, stdout } of await Promise.all(rounds)) {
      expect(exitCode).toBe(1);
      expect(stdout).toContain("last words");
    }
    expect(await Bun.file(path.join(tester.home, "never")).exists()).toBe(false);
    expect(await leftovers(tester)).toEqual([]);
  });

  test("that traces shows the trace of its own commands only", async () => {
    await using tester = await createTester();
    const { exitCode, events } = await runForEvents(tester, { commands: ["set -x", "echo traced", "(exit 3)"] });
    const lines = outline(events);
    expect(lines[4]).toMatch(/^\[echo traced\] 0: \++ echo traced\ntraced\n$/);
    expect(lines[5]).toMatch(/^\[\(exit 3\)\] 3: \++ exit 3\n$/);
    expect(exitCode).toBe(1);
  });

  test("has output in the background: it opens the next command's", async () => {
    await using tester = await createTester();
    const commands = ["(sleep 0.15; echo late; sleep 60) &", "sleep 0.4", "echo end"];
    const { events } = await runForEvents(tester, { commands });
    expect(outline(events).slice(3, 6)).toEqual([
      "[(sleep 0.15; echo late; sleep 60) &] 0: ",
      "[sleep 0.4] 0: late\n",
      "[echo end] 0: end\n",
    ]);
  });

  test("has a background job that ends: the shell's notice of it is no output", async () => {
    await using tester = await createTester();
    const commands = ["sleep 0.1 &", "sleep 0.3; echo second", "sleep 0.1 & sleep 0.3; echo third"];
    const { events } = await runForEvents(tester, { commands });
    expect(outline(events).slice(3, 6)).toEqual([
      "[sleep 0.1 &] 0: ",
      "[sleep 0.3; echo second] 0: second\n",
      "[sleep 0.1 & sleep 0.3; echo third] 0: third\n",
    ]);
  });

  test("finds a terminal, its home, no input that ends, and the state of the commands before", async () => {
    await using tester = await createTester();
    const commands = [
      "tty -s && [ -t 1 ] && [ -t 2 ] && stty size; pwd; shopt -q login_shell && echo login",
      "cd /; f() { echo function; }; shopt -s expand_aliases; alias a='echo alias'; export E=e; v=v",
      "pwd; f; a; echo $E$v",
    ];
    const { exitCode, events } = await runForEvents(tester, { commands }, [], { cwd: path.dirname(tester.home) });
    expect(outputOf(events, commands[0]!)).toBe(`0 0\n${tester.home}\nlogin\n`);
    expect(outputOf(events, commands[2]!)).toBe("/\nfunction\nalias\nev\n");
    expect(exitCode).toBe(0);
  });

  test("has a command of 200 kB, with every quote there is", async () => {
    await using tester = await createTester();
    const text = `'"\`$x\\ ${"é".repeat(50_000)}\n`.repeat(2);
    const command = `cat <<'END' | sha256sum\n${text}END`;
    const { events } = await runForEvents(tester, { commands: [command] });
    const sum = createHash("sha256").update(text).digest("hex");
    expect(outputOf(events, command)).toBe(`${sum}  -\n`);
  });

  test("prints bytes that are no UTF-8, CRLF and NUL: events stay text, and nothing else is lost", async () => {
    await using tester = await createTester();
    const command = "printf 'a\\377b\\r\\nc\\0d\\xe2\\x82'; sleep 0.2; printf '\\xac|\\r'; sleep 0.2; printf '\\n.'";
    const { events } = await runForEvents(tester, { commands: [command] });
    expect(outputOf(events, command)).toBe("a\ufffdb\nc\0d€|\n.");
  });
});

test("agents' secrets and switches are not in a job's environment", async () => {
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

test("a job's directories are private while it runs, whatever the umask, and the file with its variables too", async () => {
  await using tester = await createTester();
  const command =
    'cd "$TMPDIR"; find . -mindepth 1 -type d -printf "%m %f\\n"; stat -c "%a %n" .env-*; find . -perm /077 ! -name agent_log ! -path .';
  await tester.write("job.json", JSON.stringify({ env: { A: "a" }, commands: [command] }));
  const { stdout } = await tester.exec(["bash", "-c", 'umask 000; exec "$0" run job.json --json', binary]);
  const output = outputOf(
    stdout.trim().split("\n").map((line) => JSON.parse(line) as JobEvent),
    command,
  );
  expect(output).toMatch(/^(700 \S+\n)+(600 \.env-\d+\n)+$/);
  expect(await leftovers(tester)).toEqual([]);
});

describe("what the log masks", () => {
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

  test.each([[[]], [["--json"]]])("is masked in the view %j, in the kept file and in the agent's log", async (args) => {
    await using tester = await createTester();
    await tester.write("job.json", JSON.stringify(job));
    const { stdout, stderr } = await tester.run(["run", "job.json", "--keep", "kept", "--log-level", "trace", ...args]);
    const kept = await readFile(path.join(tester.home, "kept"), "utf8");
    const agentLog = await readFile(path.join(tester.temporary, "agent_log"), "utf8");
    expect(living(seconds)).toEqual([]);
    expect(stdout.match(/\[REDACTED\]/g)?.length).toBeGreaterThanOrEqual(5);
    expect(stdout).toContain("plain text true");
    for (const text of [stdout, stderr, kept]) expect(text).not.toMatch(/correct-horse|abcdef|ghijkl/);
    expect(agentLog).toContain(`sleep ${seconds}`);
    expect(agentLog).not.toMatch(/correct-horse|abcdef|ghijkl/);
  });

  test("what --env sets is masked by its name as well", async () => {
    await using tester = await createTester();
    const command = "echo $GIVEN_PASSWORD";
    const { events } = await runForEvents(tester, { commands: [command] }, ["--env", "GIVEN_PASSWORD=hunter2hunter2"]);
    expect(outputOf(events, command)).toBe("[REDACTED]\n");
  });
});
