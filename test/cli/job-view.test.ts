import { describe, expect, test } from "bun:test";
import { createRenderer } from "../../src/cli/job-view/renderer.ts";
import { finished, line, output, render, started, views, type Event } from "./rendering.ts";

describe("a job", () => {
  const job: Event[] = [
    { event: "job_started", timestamp: 100 },
    started("make\n  all"),
    "built\n",
    finished(0, 101),
    started("make test", 101),
    "1 failure",
    finished(2, 103, "make test"),
    { event: "job_finished", timestamp: 103, result: "failed" },
  ];
  const clock = [0, 0, 1240, 1250, 2890, 2900];

  test("is rendered in a file as one section per command and a result, without colours", () => {
    expect(render("file", job, clock)).toBe(
      '▸ make\n    all\nbuilt\n✓ 1.2 s\n▸ make test\n1 failure\n✗ exit code 2, 1.6 s\n\nfailed in 2.9 s: exit code 2 from "make test"\n',
    );
  });

  test("is rendered on a terminal with failed commands in red", () => {
    const shown = render("terminal", job, clock);
    expect(shown).toContain("\x1b[2m✓ 1.2 s\x1b[0m\n");
    expect(shown).toContain("\x1b[1;31m✗ exit code 2\x1b[0m");
    expect(shown).toContain("\x1b[1;31mfailed in 2.9 s\x1b[0m");
  });

  test.each(["passed", "stopped"] as const)("with the result %s ends with it", (result) => {
    expect(
      render("file", [
        { event: "job_started", timestamp: 100 },
        { event: "job_finished", timestamp: 100, result },
      ]),
    ).toBe(`\n${result} in 0.0 s\n`);
  });

  test("that is rendered later has the durations of its events", () => {
    const finish: Event = { event: "job_finished", timestamp: 100 + 7384, result: "passed" };
    const shown = render("file", [
      { event: "job_started", timestamp: 100 },
      started(),
      finished(0, 165),
      finish,
    ]);
    expect(shown).toBe("▸ make\n✓ 1 min 5 s\n\npassed in 2 h 3 min\n");
  });

  test("that is interrupted resets the terminal", () => {
    expect(render("terminal", [started(), "\x1b[31mhalf"])).toEndWith(
      "half\x1b[0m\n\x1b[1;31m✗ did not finish\x1b[0m\n",
    );
  });

  test("that finishes during an open command closes it as failed", () => {
    const shown = render("file", [started(), { event: "job_finished", timestamp: 100, result: "stopped" }]);
    expect(shown).toStartWith("▸ make\n✗ did not finish\n");
  });

  test("is rendered as far as its log is readable", () => {
    let shown = "";
    const renderer = createRenderer({ output: (text) => (shown += text), tty: false, colour: false });
    renderer.push(new TextEncoder().encode("not an event\nnull\n"));
    renderer.push(line(started()));
    expect(shown).toBe("unreadable line in the log\nunreadable line in the log\n▸ make\n");
  });

  test("is printed at once, with one write per push", () => {
    const shown: string[] = [];
    const renderer = createRenderer({ output: (text) => shown.push(text), tty: true, colour: false });
    const lines = [started(), "a", "b\n"].map((event) => Buffer.from(line(event)));
    renderer.push(Buffer.concat(lines));
    renderer.push(line("prompt: "));
    expect(shown).toEqual(["▸ make\nab\n", "prompt: "]);
  });
});

describe("a header", () => {
  test("shows every line of a directive, up to twenty more", () => {
    const directive = Array.from({ length: 30 }, (_, index) => `line ${index}`).join("\n");
    const lines = render("file", [started(directive)]).split("\n");
    expect(lines.slice(0, 3)).toEqual(["▸ line 0", "  line 1", "  line 2"]);
    expect(lines[21]).toBe("  … 9 more lines");
  });

  test("makes the escapes of a directive visible and harmless", () => {
    expect(render("file", [started("echo \x1b]0;owned\x07 \x9b2J \u202egnp.exe\n")])).toStartWith(
      "▸ echo ␛]0;owned␇ \ufffd2J \ufffdgnp.exe\n",
    );
  });

  test("has a placeholder for an empty directive", () => {
    expect(render("file", [started(" \n")])).toStartWith("▸ (empty command)\n");
  });
});

describe("a carriage return", () => {
  test.each([
    ["10%\r20%\r100%\n", "100%\n"],
    ["\r10%\r20%", "20%\n"],
    ["done\r\n", "done\n"],
    ["done\r\r\nnext\n", "done\nnext\n"],
    ["100%\r", "100%\n"],
    ["a\nb\rc\nd\n", "a\nc\nd\n"],
  ])("%j is %j in a file", (written, shown) => {
    expect(output("file", written)).toBe(shown);
  });

  test("replaces the line on a terminal once new text follows", () => {
    expect(output("terminal", "10%", "\r", "20%\r", "\n")).toBe("10%\r\x1b[K20%\n");
  });

  test("does not replace a line that is too long to be buffered", () => {
    const long = "x".repeat(70_000);
    expect(output("file", `${long}\rend\n`)).toBe(`${long}\nend\n`);
    expect(output("file", long.slice(0, 69_000), long.slice(69_000), "\rend\n")).toBe(`${long}\nend\n`);
  });

  test("keeps the colours of the replaced text", () => {
    expect(output("file with colour", "\x1b[31m1%\r2%\x1b[0m\n")).toBe("\x1b[31m2%\x1b[0m\n");
  });
});

describe("output", () => {
  test("without a final line feed gets one", () => {
    for (const view of views) expect(output(view, "no newline")).toBe("no newline\n");
  });

  test("keeps its colours if enabled, in both syntaxes, and they are reset at the end of the command", () => {
    expect(output("terminal", "\x1b[1;31mred\n")).toBe("\x1b[1;31mred\n\x1b[0m");
    expect(output("terminal", "\x9b38;2;1;2;3mrgb")).toBe("\x1b[38;2;1;2;3mrgb\x1b[0m\n");
    expect(output("file", "\x1b[1;31mred\x1b[0m\n")).toBe("red\n");
    expect(output("terminal without colour", "\x1b[1;31mred\x1b[m\n")).toBe("red\n");
  });

  test.each([
    ["the title", "\x1b]0;owned\x07"],
    ["the clipboard", "\x1b]52;c;cm0gLXJmIC8=\x1b\\"],
    ["a link", "\x1b]8;;https://example.com\x1b\\"],
    ["an 8-bit title", "\x9d0;owned\x9c"],
    ["the alternate screen", "\x1b[?1049h"],
    ["clearing", "\x1b[2J\x1b[H\x1b[3J"],
    ["the cursor", "\x1b[5A\x1b7\x1b8\x1b[?25l"],
    ["an 8-bit sequence", "\x9b2J"],
    ["a request for an answer", "\x1b[6n\x1b[c\x05\x1b[>q\x1bZ"],
    ["keys", "\x1b[>4;1m\x1b[?1000h\x1b="],
    ["a device control string", "\x1bP+q544e\x1b\\"],
    ["other strings", "\x1b_x\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\"],
    ["character sets", "\x1b(0\x0e\x0f\x1b%G"],
    ["a reset", "\x1bc\x1b[!p"],
    ["bells and other controls", "\x07\x00\x0b\x0c\x7f\x84\x85\x8d"],
    ["a sequence without measure", `\x1b[${"1;".repeat(1000)}m`],
    ["broken sequences", "\x1b\x1b[\x1b[3\x1b]x\x18"],
  ])("loses %s and nothing else", (_what, escapes) => {
    for (const view of views) expect(output(view, `a${escapes}b\n`)).toBe("ab\n");
  });

  test("continues after an unterminated escape sequence", () => {
    expect(render("file", [started(), "a\x1b]0;", finished(), started(), "b\n", finished()])).toBe(
      "▸ make\na\n✓ 0.0 s\n▸ make\nb\n✓ 0.0 s\n",
    );
    expect(output("file", "a\x1b]0;title\nb\n")).toBe("a\nb\n");
  });
});
