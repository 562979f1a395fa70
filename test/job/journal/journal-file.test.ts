import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openJournal, readJournal } from "../../../src/job/journal/journal-file.ts";
import type { JournalRecord } from "../../../src/job/journal/journal-records.ts";
import { readLeftJob } from "../../../src/job/journal/left-job.ts";
import { tmpdir } from "../../../src/testing/fixtures.ts";

const base = { line: 0, offset: 10, streams: { flags: "hB", stdin: "3", stdout: "4", stderr: "5", pid: 7 } };
const owner = (number: number): JournalRecord => ({ is: "owner", version: 1, owner: number, startedAt: 5 });
const opened: JournalRecord = { is: "opened", handle: {}, holder: "A", nonce: "B", base };
const step = (key: string, block: number): JournalRecord => ({ is: "step", key, block });
const typed = (line: number): JournalRecord => ({
  is: "typed",
  line,
  kind: "shown",
  path: "/f",
  step: line,
  base,
});

async function withJournal(work: (path: string) => void): Promise<void> {
  await using directory = await tmpdir();
  work(join(directory.path, "journal.ndjson"));
}

test("a journal can be read by its owner only, and has its records in order", () =>
  withJournal((path) => {
    using journal = openJournal(path);
    journal.append(owner(1));
    journal.append(opened);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readJournal(path)).toEqual([owner(1), opened]);
  }));

test.each([
  ["a torn line", (path: string) => truncateSync(path, statSync(path).size - 3)],
  ["a line without its end", (path: string) => appendFileSync(path, "0000")],
  ["NULs", (path: string) => appendFileSync(path, "\0\0\0\0\n")],
  [
    "a line with another checksum",
    (path: string) => appendFileSync(path, `00000000 ${JSON.stringify(owner(9))}\n`),
  ],
])("%s at its end is cut off, and the next process continues behind it", (what, damage) =>
  withJournal((path) => {
    {
      using first = openJournal(path);
      first.append(owner(1));
      first.append(opened);
    }
    damage(path);
    const whole = what === "a torn line" ? [owner(1)] : [owner(1), opened];
    expect(readJournal(path)).toEqual(whole);
    using second = openJournal(path);
    second.append(owner(2));
    expect(readJournal(path)).toEqual([...whole, owner(2)]);
    expect(readFileSync(path, "utf8").endsWith("\n")).toBe(true);
  }),
);

test("a damaged record in the middle hides what follows it", () =>
  withJournal((path) => {
    {
      using journal = openJournal(path);
      for (const record of [owner(1), opened, step("export", 2)]) journal.append(record);
    }
    writeFileSync(path, readFileSync(path, "utf8").replace('"nonce":"B"', '"nonce":"C"'));
    expect(readJournal(path)).toEqual([owner(1)]);
  }));

test("only the lines of the last step belong to what runs", () => {
  const records = [owner(1), opened, step("commands/0", 2), typed(1), step("commands/1", 3), typed(2)];
  const left = readLeftJob(records);
  expect(left).toMatchObject({ owner: 1, lastStep: "commands/1" });
  expect(
    (left as unknown as { session: { isCurrent?: boolean }[] }).session.map(({ isCurrent }) => isCurrent),
  ).toEqual([undefined, false, true]);
});

test.each([
  ["without a record", [], "its journal has no record"],
  ["of a newer program", [{ ...owner(1), version: 2 } as unknown as JournalRecord], "has version 2"],
  ["whose session was not recorded", [owner(1), step("export", 0)], "its session was not recorded"],
  [
    "whose session ends with its process",
    [owner(1), { is: "unresumable", reason: "no script" }],
    "no script",
  ],
  [
    "whose processes end without having done anything",
    [owner(1), opened, ...Array.from({ length: 21 }, (_, at) => owner(at + 2))],
    "20 processes have ended one after another",
  ],
] as const)("a job %s is not continued, and the reason is known", (_, records, reason) => {
  expect(readLeftJob(records as readonly JournalRecord[])).toContain(reason);
});
