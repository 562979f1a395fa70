import { describe, expect, test } from "bun:test";
import { createRenderer, type RendererOptions } from "../../src/cli/job-view/renderer.ts";
import type { JobEvent } from "../../src/core/contracts/job-events.ts";
import { type Event, finished, line, started } from "./rendering.ts";

const jobStarted: JobEvent = { event: "job_started", timestamp: 100 };
const jobFinished = (timestamp = 100, result: "passed" | "failed" = "passed"): JobEvent => ({
  event: "job_finished",
  timestamp,
  result,
});

function render(events: readonly Event[], options: Partial<RendererOptions> = {}): string {
  let shown = "";
  const output = (text: string) => void (shown += text);
  const renderer = createRenderer({ output, tty: false, colour: false, now: () => 0, ...options });
  for (const event of events) renderer.push(line(event));
  renderer.end();
  return shown;
}

const command = (directive: string, exitCode = 0, output = "output\n"): Event[] => [
  started(directive),
  output,
  finished(exitCode, 100, directive),
];

describe("the table of commands", () => {
  const events = [
    jobStarted,
    ...command("npm ci"),
    ...command("make 東京\necho \u001b[2J", 12),
    started("deploy"),
    jobFinished(103, "failed"),
  ];

  test("ends the log with the result and the duration of each command", () => {
    expect(render(events, { summary: "always" })).toEndWith(`
✗ did not finish

result          duration  command
passed             0.0 s  npm ci
exit code 12       0.0 s  make 東京 ⏎ echo ␛[2J
did not finish         –  deploy

failed in 3 s: exit code 12 from "make 東京 ⏎ echo ␛[2J"
`);
  });

  test.each([
    [30, "exit code 12       0.0 s  mak…"],
    [34, "exit code 12       0.0 s  make 東…"],
    [35, "exit code 12       0.0 s  make 東…"],
    [36, "exit code 12       0.0 s  make 東京…"],
  ])("is cut to %d columns, with wide characters counted", (width, row) => {
    const shown = render(events, { summary: "always", columns: () => width });
    const table = shown.slice(shown.indexOf("result"), shown.indexOf("\n\nfailed"));
    expect(table).toContain(row);
    for (const text of table.split("\n")) expect(Bun.stringWidth(text)).toBeLessThanOrEqual(width);
  });

  test("marks what did not pass with a colour", () => {
    const shown = render(events, { summary: "always", colour: true });
    expect(shown).toContain("\npassed             0.0 s  npm ci\n");
    expect(shown).toContain("\n\u001b[31mdid not finish         –  deploy\u001b[0m\n");
  });

  test("is shown after a long job only, unless it is requested", () => {
    const short = [jobStarted, ...command("true"), jobFinished()];
    const slow = [jobStarted, ...command("sleep 11"), jobFinished(111)];
    const many = [jobStarted, ...Array.from({ length: 11 }, () => command("true")).flat(), jobFinished()];
    const hasTable = (list: readonly Event[], summary?: "long" | "always" | "never") =>
      render(list, summary && { summary }).includes("duration  command");
    expect([short, slow, many].map((list) => hasTable(list, "long"))).toEqual([false, true, true]);
    expect([short, slow, many].map((list) => hasTable(list))).toEqual([false, false, false]);
    expect(hasTable(short, "always")).toBe(true);
  });

  test("has a bounded number of rows", () => {
    const many = [
      jobStarted,
      ...Array.from({ length: 600 }, () => command("true", 0, "")).flat(),
      jobFinished(),
    ];
    const shown = render(many, { summary: "always" });
    expect(shown.match(/^passed {2}/gm)).toHaveLength(500);
    expect(shown).toContain("\n… 100 more commands\n");
  });
});

describe("a folded log", () => {
  const fold = (...events: Event[]) => render([jobStarted, ...events, jobFinished()], { fold: true });

  test("has one line for each command that passed, and the whole output of the others", () => {
    expect(fold(...command("npm ci"), ...command("make", 2, "error\n"), ...command("\n"))).toBe(
      `✓ npm ci  0.0 s
▸ make
error
✗ exit code 2, 0.0 s
✓ (empty command)  0.0 s

passed in 0.0 s
`,
    );
  });

  test("shows the output of a command that did not finish, and output between commands", () => {
    expect(fold("before\n", started("sleep"), "half")).toContain("before\n▸ sleep\nhalf\n✗ did not finish\n");
  });

  test("holds back nothing of a command that has started before the one before it has finished", () => {
    expect(fold(started("one"), "1\n", ...command("two"))).toContain(
      "▸ one\n1\n✗ did not finish\n✓ two  0.0 s\n",
    );
  });

  test("shows a command in full whose output is too long to be held back", () => {
    const block = "x".repeat(1023) + "\n";
    const shown = fold(started("flood"), ...Array.from({ length: 5000 }, () => block), finished());
    expect(shown).toStartWith("▸ flood\nxxx");
    expect(shown).toContain("xxx\n✓ 0.0 s\n");
    expect(shown.split("\n").filter((text) => text.startsWith("xxx"))).toHaveLength(5000);
  });

  test("keeps colours of the job within its block", () => {
    const shown = render([jobStarted, ...command("red", 1, "\u001b[31mred"), ...command("ok")], {
      fold: true,
      colour: true,
    });
    expect(shown).toContain("\u001b[31mred\u001b[0m\n");
    expect(shown).toEndWith("\u001b[2m✓\u001b[0m ok  \u001b[2m0.0 s\u001b[0m\n");
  });
});

test("the command that runs is known", () => {
  const renderer = createRenderer({ output: () => {}, tty: false, colour: false, now: () => 7 });
  expect(renderer.current()).toBeUndefined();
  renderer.push(line(started("make")));
  expect(renderer.current()).toMatchObject({ directive: "make", seenAt: 7 });
  renderer.push(line(finished()));
  expect(renderer.current()).toBeUndefined();
});

test("the last line of a folded command is known, and that of a shown one is not needed", () => {
  const options = { output: () => {}, tty: false, colour: true };
  const renderer = createRenderer({ ...options, fold: true });
  renderer.push(line(started("pull")));
  expect(renderer.current()?.lastLine?.()).toBeUndefined();
  for (const text of ["alpine: 1 of 3 layers\n", "\u001b[31malpine: 2 of 3 layers\u001b[0m\n", "\n \n"]) {
    renderer.push(line(text));
  }
  expect(renderer.current()?.lastLine?.()).toBe("alpine: 2 of 3 layers");
  renderer.push(line("x".repeat(5 * 2 ** 20)));
  renderer.push(line("\nshown\n"));
  expect(renderer.current()?.lastLine?.()).toBeUndefined();

  const live = createRenderer(options);
  live.push(line(started("pull")));
  expect(live.current()?.lastLine).toBeUndefined();
});
