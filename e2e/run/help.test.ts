import { describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { builtInCommands } from "../../plugins/index.ts";
import { ownCommands } from "../../src/cli/commands/index.ts";
import { errorCodes } from "../../src/core/error-codes.ts";
import { binary, createTester, root } from "../support/fixtures.ts";

const commands = [...Object.keys(ownCommands), ...Object.keys(builtInCommands)];
const linesOf = (text: string) => text.trimEnd().split("\n");

describe("help", () => {
  test("of the program has at most 40 lines of 100 columns", async () => {
    await using tester = await createTester();
    const { exitCode, stdout, stderr } = await tester.run(["--help"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(linesOf(stdout).length).toBeLessThanOrEqual(40);
    expect(Math.max(...linesOf(stdout).map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(stdout).toBe(Bun.stripANSI(stdout));
  });

  test.each(commands)("of %s is the same for both spellings, and has at most 80 lines", async (name) => {
    await using tester = await createTester();
    const words = name.split(" ");
    const page = await tester.run(["help", ...words]);
    expect(page).toEqual(await tester.run([...words, "--help"]));
    expect(page).toMatchObject({ exitCode: 0, stderr: "" });
    expect(page.stdout).toContain(`\nUsage: signalman ${name} `);
    expect(page.stdout).toContain("\nExamples:\n");
    expect(linesOf(page.stdout).length).toBeLessThanOrEqual(80);
  });

  test("has the pages of docs, all errors and all hooks in the binary", async () => {
    await using tester = await createTester();
    const files = (await readdir(path.join(root, "docs"))).filter(
      (file) => file.endsWith(".md") && file !== "README.md",
    );
    const topics = await tester.run(["help", "topics"]);
    const names = [...topics.stdout.matchAll(/^ {2}(\S+)/gm)].map(([, name]) => `${name}.md`);
    expect(names.toSorted()).toEqual([...files, "sdk.md"].toSorted());
    expect((await tester.run(["help", "sdk/hooks"])).stdout).toStartWith("Hooks\n=====\n");
    const page = await tester.run(["help", "topics", "plugins"]);
    expect(page.stdout).toStartWith("Writing a plugin\n====");
    const errors = await tester.run(["help", "errors"]);
    for (const code of [...Object.keys(errorCodes), "DOCKER_FAILED"])
      expect(errors.stdout).toContain(`\n  ${code} `);
    expect((await tester.run(["help", "hooks", "job:start"])).stdout).toContain("\n  kind        gate: ");
  });

  test("wraps in a terminal of 60 columns, with coloured headings unless NO_COLOR is set", async () => {
    await using tester = await createTester();
    const line = `stty cols 60 rows 0; ${binary} help start`;
    const bash = ["bash", "-c", line];
    const coloured = await tester.exec(bash, { isTerminal: true });
    expect(coloured.stdout).toContain("\u001b[1mExamples:\u001b[0m");
    const plain = await tester.exec(bash, { isTerminal: true, env: { NO_COLOR: "1" } });
    expect(plain.stdout).toBe(Bun.stripANSI(coloured.stdout));
    const wide = plain.stdout
      .split("\r\n")
      .filter((each) => each.length > 60 && !each.startsWith("  signalman "));
    expect(wide).toEqual([]);
  });
});

describe("a page that is longer than the terminal", () => {
  const pager = "printf 'paged %s lines\\n' \"$(wc -l)\"";

  test("is shown by $PAGER, and one that fits is printed", async () => {
    await using tester = await createTester();
    const options = { isTerminal: true, env: { PAGER: pager, TERM: "xterm" } };
    const long = await tester.run(["help", "security"], options);
    expect(long.exitCode).toBe(0);
    expect(long.stdout).toMatch(/^paged \d{3,} lines\r\n$/);
    const short = await tester.run(["help", "errors", "SPOOL_FAILED"], options);
    expect(short.stdout).toContain("To do: ");
  });

  test.each([
    ["PAGER is empty", { PAGER: "" }],
    ["PAGER is cat", { PAGER: "cat" }],
    ["the pager does not exist", { PAGER: "/nonexistent/pager -R" }],
    ["less is not installed", { PATH: "/nonexistent" }],
    ["the terminal cannot be controlled", { PAGER: pager, TERM: "dumb" }],
    ["a job calls it", { PAGER: pager, SIGNALMAN_JOB_SOCKET: "/nonexistent" }],
  ])("is printed when %s", async (_, env) => {
    await using tester = await createTester();
    const { exitCode, stdout } = await tester.run(["help", "security"], { isTerminal: true, env });
    expect(exitCode).toBe(0);
    const text = Bun.stripANSI(stdout).replaceAll(/\s+/g, " ");
    expect(text).toContain("Which parties does Signalman trust with what");
    expect(text).not.toMatch(/paged|less: not found/);
  });

  test("may be left before its end", async () => {
    await using tester = await createTester();
    const env = { PAGER: "head -n 1", TERM: "xterm", NO_COLOR: "1" };
    const { exitCode, stdout } = await tester.run(["help", "plugins-reference"], { isTerminal: true, env });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "Plugin reference\r\n" });
  });

  test("leaves Ctrl-C to the pager", async () => {
    await using tester = await createTester();
    // A signal that arrives just before `read` waits would be handled only after it.
    const script = [
      "trap 'echo interrupted; seen=1' INT; echo ready",
      'until [ "$seen" ]; do sleep 0.02; done',
      'read -r word </dev/tty; echo "got $word"',
    ].join("\n");
    const env = { PAGER: await tester.write("pager", `#!/bin/bash\n${script}\n`, 0o755), TERM: "xterm" };
    const help = tester.start(["help", "security"], { isTerminal: true, env });
    await help.shows("ready");
    help.type("\u0003");
    await help.shows("interrupted");
    help.type("end\n");
    await help.shows("got end");
    expect((await help.finished).exitCode).toBe(0);
  });

  test("does not wait for a reader in a job that has a terminal with a size", async () => {
    await using tester = await createTester();
    const job = `commands:\n  - unset NO_COLOR; PAGER='sleep 1000' TERM=xterm ${binary} help security\n`;
    const args = ["run", "-", "--terminal-size", "80x24"];
    const { exitCode, stdout } = await tester.run(args, { stdin: job });
    expect(exitCode).toBe(0);
    expect(Bun.stripANSI(stdout)).toContain("Which parties does Signalman trust with what");
  });
});
