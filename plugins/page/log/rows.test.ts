import { expect, test } from "bun:test";
import type { JobEvent } from "signalman";
import { command, createBoard, output } from "../testing/scene.ts";
import { readPlain } from "./download.ts";
import { createLogIndex } from "./log-index.ts";
import { searchLog } from "./search.ts";
import { toPlain } from "./styles.ts";

const never = new AbortController().signal;

async function indexOf(events: readonly JobEvent[]) {
  const board = createBoard();
  board.add("a-job", ...events);
  const index = createLogIndex(board.openLog("a-job")!);
  await index.advance();
  return { index, board };
}

async function textsOf(...events: readonly JobEvent[]): Promise<string[]> {
  const { index } = await indexOf(events);
  return index.rows(0, 1000).map(([text]) => text);
}

test("a command's directive is a row, and its output begins after it", async () => {
  const { index } = await indexOf([...command("make", 2, "a\nb", "c\n"), ...command("true", 0)]);
  expect(index.rows(0, 10)).toEqual([
    ["make", 7, 1],
    ["a", 7],
    ["bc", 7],
    ["true", 7, 1],
  ]);
  expect(index.outline.commands).toEqual([
    { row: 0, directive: "make", startedAt: 7, finishedAt: 9, exitCode: 2 },
    { row: 3, directive: "true", startedAt: 7, finishedAt: 9, exitCode: 0 },
  ]);
});

test("a row without its end is shown, and counted once when it is complete", async () => {
  const { index, board } = await indexOf([output("half")]);
  expect([index.total, index.rows(0, 9)]).toEqual([1, [["half", 7]]]);
  board.add("a-job", output(" a line\nnext"));
  await index.advance();
  expect(index.rows(0, 9).map(([text]) => text)).toEqual(["half a line", "next"]);
  expect(index.total).toBe(2);
});

test("the text after a carriage return replaces the row, and keeps its styles", async () => {
  expect(await textsOf(output("10%\r"), output("20%\r"), output("100%\r\n"))).toEqual(["100%\r"]);
  expect(await textsOf(output("\x1b[31m10%\r20%\n"))).toEqual(["\x1b[31m20%"]);
});

test("a progress bar that never ends a line is one row, however long it is", async () => {
  const updates = Array.from({ length: 5000 }, (_, index) => output(`\rdownloading ${index} of 5000`));
  const { index } = await indexOf(updates);
  expect(index.total).toBe(1);
  expect(toPlain(index.rows(0, 1)[0]![0])).toBe("downloading 4999 of 5000");
});

test("styles continue in the next row until they are reset, and end with their command", async () => {
  expect(await textsOf(output("\x1b[1m\x1b[31mred\nstill\n\x1b[mplain\n"))).toEqual([
    "\x1b[1m\x1b[31mred",
    "\x1b[1m\x1b[31mstill",
    "\x1b[1m\x1b[31m\x1b[mplain",
  ]);
  const rows = await textsOf(...command("a", 0, "\x1b[31mred\n"), ...command("b", 0, "plain\n"));
  expect(rows.at(-1)).toBe("plain");
});

test("a line that is too long continues in further rows, wherever it was cut into events", async () => {
  const line = Array.from({ length: 3000 }, (_, index) => `${index},`).join("");
  const whole = await textsOf(output(`${line}\n`));
  const cut = await textsOf(...(line.match(/.{1,777}/g) ?? []).map((text) => output(text)), output("\n"));
  expect(whole.length).toBeGreaterThan(2);
  expect(whole.join("")).toBe(line);
  expect(cut.join("")).toBe(line);
});

test("rows from any place on are those of the whole log", async () => {
  const events = Array.from({ length: 3000 }, (_, index) =>
    output(`${index % 7 === 0 ? "\x1b[32m" : ""}${"x".repeat(600)} ${index}\n`),
  );
  const { index } = await indexOf(events);
  const all = index.rows(0, 3000);
  expect(all).toHaveLength(3000);
  for (const from of [0, 1, 899, 1500, 2998]) expect(index.rows(from, 2)).toEqual(all.slice(from, from + 2));
});

test("lines that are no events are left out", async () => {
  const wrong = [{ event: "cmd_output", timestamp: 1, output: 7 }, null, { event: "other" }];
  expect(await textsOf(output("a\n"), ...(wrong as unknown as JobEvent[]), output("b\n"))).toEqual([
    "a",
    "b",
  ]);
});

test("a job that writes a great many commands makes no outline without a bound", async () => {
  const { index } = await indexOf(Array.from({ length: 6000 }, () => command("true", 0)).flat());
  expect([index.outline.commands.length, index.outline.count, index.total]).toEqual([5000, 6000, 6000]);
});

test("a search finds rows by their text without colours, and counts more than it lists", async () => {
  const lines = Array.from({ length: 1500 }, (_, index) => `the \x1b[31mer\x1b[0mror ${index}\n`);
  const { index } = await indexOf([output(lines.join("")), output("Error at the end\n")]);
  const found = await searchLog(index, "error", never);
  expect([found.total, found.hits.length, found.hits[0]]).toEqual([1501, 1000, [0, "the error 0"]]);
  expect(await searchLog(index, "Error", never)).toEqual({ total: 1, hits: [[1500, "Error at the end"]] });
});

test("the plain text has no control characters", async () => {
  const { board } = await indexOf(
    command("make", 0, "\x1b]0;title\x07\x1b[31mred\x1b[0m\x00\n", "10%\r100%\r\n"),
  );
  expect([...readPlain(board.openLog("a-job")!)].join("")).toBe("make\nred\n100%\n");
});
