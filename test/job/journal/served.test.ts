import { expect, test } from "bun:test";
import { createJobVariables } from "../../../src/job/job-variables.ts";
import { type JournalRecord, journalVersion } from "../../../src/job/journal/journal-records.ts";
import { readLeftJob } from "../../../src/job/journal/left-job.ts";

test("a command counts as served once a variable says so, and until it ends", () => {
  const records: JournalRecord[] = [{ is: "owner", version: journalVersion, owner: 1, startedAt: 1 }];
  const isServed = () => {
    const left = readLeftJob(records);
    return typeof left === "string" ? left : left.isServed;
  };
  const variables = createJobVariables(() => {}, {
    left: undefined,
    write: (record) => records.push(record),
  });
  const setOne = (options: object) => {
    using setter = variables.openSetter("command:start");
    setter.setVariable("URL", "http://127.0.0.1:1", options);
  };
  setOne({ scope: "command" });
  records.push({ is: "hook", key: "command:start commands 0" });
  expect(isServed()).toBe(false);
  records.push({ is: "hook", key: "command:end commands 0" });
  setOne({ scope: "command", served: true });
  // Another process calls the listener again.
  expect(isServed()).toBe(false);
  records.push({ is: "hook", key: "command:start commands 1" });
  expect(isServed()).toBe(true);
  records.push({ is: "opened", owner: 1 } as unknown as JournalRecord, {
    is: "step",
    key: "commands/1",
    block: 3,
  });
  expect(isServed()).toBe(true);
  records.push({ is: "step", key: "commands/2", block: 4 });
  expect(isServed()).toBe(false);
  setOne({ scope: "command", served: true });
  records.push({ is: "hook", key: "command:start commands 3" });
  records.push({ is: "step", key: "commands/3", block: 5 });
  expect(isServed()).toBe(true);
  records.push({ is: "hook", key: "command:end commands 3" });
  expect(isServed()).toBe(false);
});
