import { describe, expect, test } from "bun:test";
import type { SessionRecord } from "../../../src/core/contracts/session-journal.ts";
import { watchLastLine } from "../../../src/kit/session/find-last-line.ts";
import { readLeftSession } from "../../../src/kit/session/left-session.ts";

const nonce = "0123456789ABCDEF0123456789ABCDEF";
const streams = { flags: "", stdin: "10", stdout: "11", stderr: "12", pid: 7 };
const base = { line: 1, offset: 100, streams };
const opened: SessionRecord = { is: "opened", handle: {}, holder: nonce, nonce, base: { ...base, line: 0 } };

function typed(line: number, step: number, kind: "shown" | "recovery" = "shown"): SessionRecord {
  return { is: "typed", line, kind, path: "/.signalman/command", step, base };
}

const marker = (kind: string, ...fields: string[]) =>
  Buffer.from(`\x01SIGNALMAN${nonce}${kind} ${fields.join(" ")}\x02`);

/** A terminal whose shell reacts to what is printed and replaced as `react` says. */
async function find(
  records: readonly SessionRecord[],
  react: (act: { readonly marks: number; readonly replaced: string | undefined }) => readonly Uint8Array[],
) {
  const last = watchLastLine(records)!;
  const never = new Promise<void>(() => {});
  let marks = 0;
  let replaced: string | undefined;
  const step = await last.findNextStep({
    ended: never,
    async print(mark) {
      marks += 1;
      for (const bytes of react({ marks, replaced })) last.push(bytes);
      last.push(mark);
    },
    async replace(_, text) {
      replaced = text;
    },
  });
  return { step, marks, isReplaced: replaced !== undefined, offset: last.offset };
}

describe("the last line that an earlier process was about to type", () => {
  test("has been received when its start comes before a mark", async () => {
    const found = await find([opened, typed(2, 9)], () => [Buffer.from("noise"), marker("S", "2")]);
    expect(found).toEqual({ step: 10, marks: 1, isReplaced: false, offset: 100 });
  });

  test("has not been received when two marks come without it, and is made to do nothing", async () => {
    const found = await find([opened, typed(2, 9)], () => [Buffer.from("noise"), marker("S", "1")]);
    expect(found).toEqual({ step: 9, marks: 2, isReplaced: true, offset: 100 });
  });

  test("has been received when it comes between the marks, and opened its file before it was replaced", async () => {
    const found = await find([opened, typed(2, 9)], ({ marks }) => (marks === 2 ? [marker("S", "2")] : []));
    expect(found).toMatchObject({ step: 10, marks: 2 });
  }, 20_000);

  test("has done nothing when it comes between the marks, and opened the replaced file", async () => {
    const found = await find([opened, typed(2, 9)], ({ marks, replaced = "" }) => {
      const [, name = ""] = /(refused-[0-9A-F]+)/.exec(replaced) ?? [];
      return marks === 2 ? [marker("S", "2"), marker("P", name), marker("E", "2", "0")] : [];
    });
    expect(found).toMatchObject({ step: 9, marks: 2 });
  });

  test("has been received without a look when a checkpoint is within it", async () => {
    const checkpoint: SessionRecord = { is: "checkpoint", line: 2, offset: 500, text: 0, streams };
    const found = await find([opened, typed(2, 9), checkpoint], () => []);
    expect(found).toEqual({ step: 10, marks: 0, isReplaced: false, offset: 500 });
  });

  test("counts as received after an interrupt when its command has ended", async () => {
    const records = [opened, typed(2, 9), typed(2, 10, "recovery")];
    expect(await find(records, () => [marker("S", "2"), marker("P", "2", "130")])).toMatchObject({
      step: 10,
      isReplaced: false,
    });
    const ended = await find(records, () => [marker("P", "2", "130"), marker("E", "2", "130")]);
    expect(ended).toMatchObject({ step: 11, isReplaced: false });
  });

  test("fails when the output can no longer be read", async () => {
    const last = watchLastLine([opened, typed(2, 9)])!;
    const place = { print: async () => {}, replace: async () => {}, ended: Promise.resolve() };
    expect(last.findNextStep(place)).rejects.toThrow("the output of the job's shell can no longer be read");
  });

  test("is none before the first line", () => {
    expect(watchLastLine([opened])).toBeUndefined();
    expect(watchLastLine([])).toBeUndefined();
  });
});

test("a line that was not received is not followed by any later process, and its number is not used again", () => {
  const records: SessionRecord[] = [opened, typed(2, 9)];
  const second = readLeftSession(records, 9)!;
  expect(second.lines).toEqual([]);
  expect(second).toMatchObject({ lastLine: 2, untyped: [{ line: 2, step: 9 }] });
  records.push({ is: "untyped", line: 2, kind: "shown" }, typed(3, 10));
  const third = readLeftSession(records, 11)!;
  expect(third.lines.map(({ line }) => line)).toEqual([3]);
  expect(third).toMatchObject({ lastLine: 3, untyped: [] });
});
