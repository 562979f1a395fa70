import { expect, test } from "bun:test";
import type { Executor } from "../../src/core/contracts/executor.ts";
import { createJobAnswers } from "../../src/job/commands/job-answers.ts";
import { createRecordingLogger } from "../../src/testing/index.ts";

function open(putAnswer?: Executor["putAnswer"]) {
  const logger = createRecordingLogger();
  const executor = (putAnswer && { putAnswer }) as Executor | undefined;
  return { logger, answers: createJobAnswers({ executor: () => executor, logger }) };
}

const done = { isDone: true, json: "{}" } as const;

test("answers are put one after another; beyond a thousand, the oldest is emptied", async () => {
  const put: [string, number][] = [];
  const all = Promise.withResolvers<void>();
  let running = 0;
  const { answers } = open(async (name, { length }) => {
    expect((running += 1)).toBe(1);
    await Bun.sleep(0);
    running -= 1;
    put.push([name, length]);
    if (length === 0 && name === "9") all.resolve();
  });
  let number = 0;
  const fill = async () => {
    for (; number < 1034; number += 1) {
      while (answers.put(`${number}`, done) !== undefined) await Bun.sleep(1);
    }
  };
  await Promise.all([fill(), all.promise]);
  expect(put.filter(([, length]) => length === 0).map(([name]) => name)).toEqual(
    Array.from({ length: 10 }, (_, index) => `${index}`),
  );
});

test("answers that the executor does not take are limited by number and size", () => {
  const { answers } = open(() => new Promise(() => {}));
  const isFull = () => answers.put("a", done);
  for (let count = 0; count < 1024; count += 1) expect(answers.put(`${count}`, done)).toBeUndefined();
  expect(isFull()).toBe("too many answers to terminal sequences are waiting");
  const other = open(() => new Promise(() => {})).answers;
  const large = { isDone: true, json: `{"text":"${"x".repeat(64 * 1024)}"}` } as const;
  let count = 0;
  while (other.put("a", large) === undefined) count += 1;
  expect(count).toBeWithin(100, 128);
});

test("an executor that fails is reported once, and later answers are still put", async () => {
  const put: string[] = [];
  const { answers, logger } = open(async (name) => {
    if (name !== "three") throw new Error("no space");
    put.push(name);
  });
  for (const name of ["one", "two", "three"]) answers.put(name, done);
  while (put.length === 0) await Bun.sleep(1);
  expect(logger.entries.map(({ message }) => message)).toEqual([
    "an answer to a terminal sequence could not be written: no space",
  ]);
});

test("without an executor that puts answers, the reason is returned", () => {
  expect(open().answers.put("a", done)).toBe("terminal sequences get no answers in this executor");
});
