import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import path from "node:path";
import { binary, createTester } from "../support/fixtures.ts";
import { watchMemory } from "../support/peak-memory.ts";
import {
  findLeftovers,
  findProcesses,
  outline,
  outputOf,
  runForEvents,
  toEvents,
  uniqueSeconds,
} from "../support/jobs.ts";

test("a job that floods where its result is asked for costs no memory", async () => {
  await using tester = await createTester();
  const flood = "echo() { head -c 300000000 /dev/zero | tr '\\0' x; }";
  await tester.write("job.json", JSON.stringify({ commands: [flood, "(exit 130)"] }));
  const running = tester.start(["run", "job.json", "--json"]);
  const peak = await watchMemory(running);
  const { exitCode, stdout } = await running.finished;
  expect(peak).toBeLessThan(400 * 1024 * 1024);
  expect(outline(toEvents(stdout)).at(-1)).toBe("end stopped");
  expect(exitCode).toBe(130);
}, 120_000);

describe("a hostile job", () => {
  const after = "echo after";
  test.each([
    ["kills its shell", "echo last words; kill -9 $$", "last words\n"],
    ["exits", "echo last words; exit 0", "last words\n"],
    ["fails under set -e", "set -e; echo last words; false", "last words\n"],
    ["executes another program", "exec sh -c 'echo last words'", "last words\n"],
  ])(
    "that %s loses no output: the command has exit code 1, and no further command runs",
    async (_, command, output) => {
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
      expect(await findLeftovers(tester)).toEqual([]);
    },
  );

  test.each([
    ["closes its streams for a while", "exec 5>&1 1>&- 2>&-; true; exec 1>&5 2>&1", ""],
    ["sets PS1 and PROMPT_COMMAND", "export PS1='prompt> ' PS2='more> '; PROMPT_COMMAND='echo prompted'", ""],
    ["traps everything", "trap 'true' DEBUG RETURN ERR EXIT INT TERM HUP CHLD WINCH", ""],
    ["sets vi, history and job control", "set -o vi; set -o history; set -m; set +m", ""],
    ["makes the terminal raw", "stty raw -echo min 0 time 0", ""],
    ["echoes", "stty echo onlcr", ""],
    ["switches to POSIX mode and back", "set -o posix; alias echo='echo aliased'; unalias echo", ""],
    ["redefines shell builtins", "printf() { echo fake; }; source() { :; }; unset -f printf source", ""],
    ["changes IFS, globbing and options", "IFS=xe; set -f -u; shopt -s nullglob failglob", ""],
    ["clears its environment", "unset HOME TMPDIR PATH PWD; PATH=/usr/bin:/bin; cd /", ""],
    [
      "prints a forged marker",
      "printf '\\001\\n\\001 949556c7-%s-end 0\\n' 1",
      "\u0001\n\u0001 949556c7-1-end 0\n",
    ],
  ])("that %s: the next command runs, and the log has no other output", async (_, command, output) => {
    await using tester = await createTester();
    const { exitCode, events } = await runForEvents(tester, { commands: [command, after, "(exit 3)"] });
    expect(outline(events).slice(3, 6)).toEqual([
      `[${command}] 0: ${output}`,
      `[${after}] 0: after\n`,
      "[(exit 3)] 3: ",
    ]);
    expect(exitCode).toBe(1);
  });

  test.each([
    ["closes its output", "exec 1>&- 2>&-"],
    ["closes its input as well", "exec 0<&- 1>&- 2>&-"],
    ["redirects its output", "exec >/dev/null 2>&1"],
  ])("that %s permanently: the next commands run and have their exit codes", async (_, command) => {
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

  test("that kills the leader of its terminal fails without hanging", async () => {
    await using tester = await createTester();
    const seconds = uniqueSeconds();
    // A command runs in the foreground, so that the kernel sends SIGHUP to that command and not to bash.
    const job = {
      commands: [`echo last words; (sleep 0.2; kill -9 $PPID) & sleep ${seconds}`, "touch never"],
    };
    await tester.write("job.json", JSON.stringify(job));
    const { exitCode, stdout } = await tester.exec(["timeout", "8", binary, "run", "job.json", "--json"]);
    expect(outline(toEvents(stdout))[3]).toContain("] 1: last words\n");
    expect(exitCode).toBe(1);
    expect(findProcesses(seconds)).toEqual([]);
    expect(await Bun.file(path.join(tester.home, "never")).exists()).toBe(false);
    expect(await findLeftovers(tester)).toEqual([]);
  });

  test("with set -x shows the trace of its own commands only", async () => {
    await using tester = await createTester();
    const { exitCode, events } = await runForEvents(tester, {
      commands: ["set -x", "echo traced", "(exit 3)"],
    });
    const lines = outline(events);
    expect(lines[4]).toMatch(/^\[echo traced\] 0: \++ echo traced\ntraced\n$/);
    expect(lines[5]).toMatch(/^\[\(exit 3\)\] 3: \++ exit 3\n$/);
    expect(exitCode).toBe(1);
  });

  test("with output of a background process: it is logged with the next command", async () => {
    await using tester = await createTester();
    const commands = ["(sleep 0.15; echo late; sleep 60) &", "sleep 0.4", "echo end"];
    const { events } = await runForEvents(tester, { commands });
    expect(outline(events).slice(3, 6)).toEqual([
      "[(sleep 0.15; echo late; sleep 60) &] 0: ",
      "[sleep 0.4] 0: late\n",
      "[echo end] 0: end\n",
    ]);
  });

  test("with a background process that exits between two commands: the shell's notice is not logged", async () => {
    await using tester = await createTester();
    const commands = ["sleep 0.05 & true", "echo second"];
    const { events } = await runForEvents(tester, { commands });
    expect(outline(events).slice(3, 5)).toEqual(["[sleep 0.05 & true] 0: ", "[echo second] 0: second\n"]);
  });

  test("has a terminal, its home directory, an open input, and the state of earlier commands", async () => {
    await using tester = await createTester();
    const commands = [
      "tty -s && [ -t 1 ] && [ -t 2 ] && stty size; pwd; shopt -q login_shell && echo login",
      "cd /; f() { echo function; }; shopt -s expand_aliases; alias a='echo alias'; export E=e; v=v",
      "pwd; f; a; echo $E$v",
    ];
    const { exitCode, events } = await runForEvents(tester, { commands }, [], {
      cwd: path.dirname(tester.home),
    });
    expect(outputOf(events, commands[0]!)).toBe(`0 0\n${tester.home}\nlogin\n`);
    expect(outputOf(events, commands[2]!)).toBe("/\nfunction\nalias\nev\n");
    expect(exitCode).toBe(0);
  });

  test("can have a command of 200 kB with all kinds of quotes", async () => {
    await using tester = await createTester();
    const text = `'"\`$x\\ ${"é".repeat(50_000)}\n`.repeat(2);
    const command = `cat <<'END' | sha256sum\n${text}END`;
    const { events } = await runForEvents(tester, { commands: [command] });
    const sum = createHash("sha256").update(text).digest("hex");
    expect(outputOf(events, command)).toBe(`${sum}  -\n`);
  });

  test("that prints invalid UTF-8, CRLF and NUL: events are valid text, and no other byte is lost", async () => {
    await using tester = await createTester();
    const command =
      "printf 'a\\377b\\r\\nc\\0d\\xe2\\x82'; sleep 0.2; printf '\\xac|\\r'; sleep 0.2; printf '\\n.'";
    const { events } = await runForEvents(tester, { commands: [command] });
    expect(outputOf(events, command)).toBe("a\ufffdb\nc\0d€|\n.");
  });
});
