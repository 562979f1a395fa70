import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { openSession } from "./fixtures.ts";

describe("a session", () => {
  test("starts a login shell in the home directory, in a terminal of 0 × 0, without a prompt", async () => {
    await using shell = await openSession({ profile: "FROM_PROFILE=yes" });
    const { code, output } = await shell.run(
      'pwd; stty size; echo "[$PS1]"; echo $FROM_PROFILE; tty -s && echo tty',
    );
    expect(output).toBe(`${shell.home}\n0 0\n[]\nyes\ntty\n`);
    expect(code).toBe(0);
  });

  test("that is no login shell is interactive all the same, and reads no login profile", async () => {
    await using shell = await openSession({
      login: false,
      profile: "FROM=profile\n",
      rc: "FROM=bashrc\n",
    });
    const { output } = await shell.run('echo "$FROM"; shopt -q login_shell || echo no login; echo "$-"; pwd');
    expect(output).toMatch(new RegExp(`^bashrc\nno login\n\\w*i\\w*\n${shell.home}\n$`));
  });

  test("keeps directory, variables, functions and options from command to command", async () => {
    await using shell = await openSession();
    await shell.run("cd /usr; NAME='a b'; greet() { echo hello $1; }; shopt -s nullglob");
    expect(await shell.run('pwd; echo "$NAME"; greet you; shopt -q nullglob && echo on')).toEqual({
      code: 0,
      output: "/usr\na b\nhello you\non\n",
    });
  });

  test("returns exact exit codes", async () => {
    await using shell = await openSession();
    for (const code of [0, 1, 2, 42, 127, 130, 255]) {
      expect((await shell.run(`(exit ${code})`)).code).toBe(code);
    }
    expect((await shell.run("return 7")).code).toBe(7);
    expect((await shell.run("nonexistent-command")).code).toBe(127);
    expect((await shell.run("if then")).code).not.toBe(0);
    expect((await shell.run("echo still here")).output).toBe("still here\n");
  });

  test("runs many lines, here-documents and very long commands", async () => {
    await using shell = await openSession();
    expect(
      (await shell.run("for i in 1 2; do\n  echo $i\ndone\ncat <<'EOF'\n$no `expansion`\nEOF")).output,
    ).toBe("1\n2\n$no `expansion`\n");
    const long = "x".repeat(300_000);
    expect((await shell.run(`V='${long}'; echo \${#V}`)).output).toBe("300000\n");
    expect((await shell.run("")).code).toBe(0);
  });

  test("passes every byte of a large output in order", async () => {
    await using shell = await openSession();
    const hash = createHash("sha256");
    let bytes = 0;
    const code = await shell.session.run("seq 1 2000000", (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    expect(code).toBe(0);
    const expected = Array.from({ length: 2_000_000 }, (_, i) => i + 1).join("\n") + "\n";
    expect(bytes).toBe(expected.length);
    expect(hash.digest("hex")).toBe(createHash("sha256").update(expected).digest("hex"));
  });

  test("passes every byte value", async () => {
    await using shell = await openSession();
    const all = Array.from({ length: 256 }, (_, i) => `\\${i.toString(8).padStart(3, "0")}`).join("");
    const chunks: Buffer[] = [];
    await shell.session.run(`printf '${all}'`, (chunk) => chunks.push(Buffer.from(chunk as Uint8Array)));
    expect(Array.from(Buffer.concat(chunks))).toEqual(Array.from({ length: 256 }, (_, i) => i));
  });

  test("rejects a second command while one runs", async () => {
    await using shell = await openSession();
    const first = shell.run("sleep 0.2; echo first");
    expect(shell.run("echo second")).rejects.toThrow("another command is running");
    expect((await first).output).toBe("first\n");
  });

  test("starts each command with `$?` set to 0", async () => {
    await using shell = await openSession();
    await shell.run("false");
    expect((await shell.run("echo $?")).output).toBe("0\n");
  });
});

describe("a session is robust against its commands", () => {
  const habits: Record<string, string[]> = {
    "closed streams": ["exec >&- 2>&- <&-", "echo unseen", "exec >/dev/tty 2>&1 </dev/tty"],
    "a redirected stdout": ["exec 5>&1 >/dev/null", "echo unseen", "exec >&5 5>&-"],
    "set -x": ["set -x", "set +x"],
    "set -v": ["set -v", "set +v"],
    "set -u and an unset variable": ["set -u; echo $NOPE", "set +u"],
    "a failed expansion": ["echo ${NOPE:?is missing}"],
    prompts: ["PS1='>>> '; PS2='... '; PROMPT_COMMAND='echo prompt; false'", "PROMPT_COMMAND=(a b)"],
    "a readonly PROMPT_COMMAND": ["readonly PROMPT_COMMAND='echo prompt'"],
    traps: ["trap 'echo err' ERR; trap 'echo ret' RETURN; false", "trap - ERR RETURN"],
    "aliases of builtins": [
      "alias exec=false source=false set=false builtin=false cd=false printf=false",
      "unalias -a",
    ],
    "a raw terminal": ["stty raw -echo"],
    "a terminal whose reads return nothing": ["stty -icanon min 0 time 0"],
    "an echoing terminal": ["stty echo onlcr", "true", "stty -echo -onlcr"],
    "a terminal in capitals": ["stty olcuc", "true", "stty -olcuc"],
    "line editing": ["set -o vi", "set -o emacs"],
    "an interrupt": ["kill -INT $$; echo not reached"],
    history: ["set -o history; HISTFILE=/dev/null; echo a", "history -c; set +o history"],
    "posix mode": ["set -o posix", "set +o posix"],
    "job control": ["set +m", "set -m"],
    "a changed IFS": ["IFS=0123456789SEP; export IFS", "unset IFS"],
    "globbing off": ["set -f", "set +f"],
    "an untidy environment": ["unset HOME PATH; BASH_ENV=/nowhere; PATH=/usr/bin:/bin; export PATH"],
  };
  for (const [name, commands] of Object.entries(habits)) {
    test(name, async () => {
      await using shell = await openSession();
      for (const command of commands) await shell.run(command);
      expect(await shell.run("echo well; (exit 3)")).toEqual({ code: 3, output: "well\n" });
    });
  }

  test("a shell trace has the job's commands only", async () => {
    await using shell = await openSession();
    await shell.run("set -x");
    expect((await shell.run("echo a\necho b")).output).toBe("++ echo a\na\n++ echo b\nb\n");
    expect((await shell.run("set +x; echo c")).output).toBe("++ set +x\nc\n");
  });

  test("the terminal's echo of the session's own input is not logged", async () => {
    await using shell = await openSession();
    await shell.run("stty echo");
    for (let i = 0; i < 20; i++)
      expect((await shell.run("echo shown")).output.replaceAll("\r", "")).toBe("shown\n");
  });

  test("an interrupted command ends with 130 and its output", async () => {
    await using shell = await openSession();
    const { code, output } = await shell.run("echo before; kill -INT $$; echo after");
    expect(code).toBe(130);
    expect(output).toContain("before\n");
    expect(output).not.toContain("after");
  });

  test("a command file that a job deletes or makes unreadable has no effect", async () => {
    await using shell = await openSession();
    await shell.run('rm -f "$HOME/command"');
    expect((await shell.run("echo again")).output).toBe("again\n");
  });
});

describe("between two commands", () => {
  test("output of a background process is logged with the next command", async () => {
    await using shell = await openSession();
    await shell.run("(sleep 0.1; echo late; sleep 0.1; echo later) & disown");
    await Bun.sleep(400);
    expect((await shell.run("echo now")).output).toBe("late\nlater\nnow\n");
  });

  test("output is kept during a silent command and after the shell has died", async () => {
    await using shell = await openSession();
    await shell.run("(sleep 0.1; echo late) & disown");
    await Bun.sleep(300);
    const silent: string[] = [];
    await shell.session.run("echo mine", (chunk) => silent.push(Buffer.from(chunk).toString()), {
      silent: true,
    });
    expect(silent.join("")).toBe("mine\n");
    expect(shell.session.pendingBytes).toBe(5);
    expect((await shell.run("exit 0")).output).toBe("late\n");
  });

  test("a large output is kept completely, in a file beyond a limit", async () => {
    await using shell = await openSession();
    await shell.run("(sleep 0.2; seq 1 1000000; echo done >flooded) & disown");
    while (!(await Bun.file(`${shell.home}/flooded`).exists())) await Bun.sleep(20);
    const { output } = await shell.run("echo now");
    expect(output.length).toBe(6_888_896 + 4);
    expect(output.startsWith("1\n2\n3\n")).toBe(true);
    expect(output.endsWith("999999\n1000000\nnow\n")).toBe(true);
  });

  test("prompts, job notices and line editing are not logged", async () => {
    await using shell = await openSession({
      profile: "PS1='prompt> '; PROMPT_COMMAND='echo noise >&2; echo noise'",
    });
    await shell.run("sleep 0.05 &");
    await Bun.sleep(150);
    expect((await shell.run("echo clean; PROMPT_COMMAND='echo noise >/dev/stdout'")).output).not.toContain(
      "noise",
    );
    expect((await shell.run("echo clean")).output).toBe("clean\n");
  });
});

describe("markers", () => {
  test("cannot be forged by a command", async () => {
    await using shell = await openSession();
    const fake = "E 0 himBHs - - - 1";
    const { code, output } = await shell.run(
      `set; declare -p PROMPT_COMMAND; ps -o args= -p $PPID; cat "$HOME/command"; printf '\\001SIGNALMAN%032d${fake}\\002' 0; echo end; (exit 5)`,
    );
    expect(code).toBe(5);
    expect(output).toContain(`${"0".repeat(32)}${fake}`);
    expect(output).toEndWith("end\n");
  });

  test("are found after output that ends with their first bytes", async () => {
    await using shell = await openSession();
    expect(await shell.run("printf 'a\\001'")).toEqual({ code: 0, output: "a\x01" });
    expect(await shell.run("printf '\\001SIGNALMAN'")).toEqual({ code: 0, output: "\x01SIGNALMAN" });
  });
});
