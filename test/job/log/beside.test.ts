import { expect, test } from "bun:test";
import { join } from "node:path";
import type { Output } from "../../../src/core/contracts/job-log.ts";
import { createJobSequences, toJobSequence } from "../../../src/job/commands/job-sequences.ts";
import { createFilterChain } from "../../../src/job/log/filter-chain.ts";
import { createJobLog } from "../../../src/job/log/job-log.ts";
import { createSpool } from "../../../src/job/log/spool.ts";
import { createTestCalls } from "../command-calls.ts";
import { createRedactor } from "../../../plugins/redact/redactor.ts";
import { silentLogger, tmpdir, toEvents } from "../../../src/testing/index.ts";

/** Runs a block with output of its own and, beside it, another one. Returns the outputs of the blocks. */
async function write(work: (main: Output, beside: Output) => void, title = "beside"): Promise<string[]> {
  await using place = await tmpdir();
  await using spool = createSpool(join(place.path, "events.ndjson"), {
    diskLimitBytes: 64 * 1024 * 1024,
    onWarning() {},
  });
  const redactor = createRedactor(["very-secret"]);
  const filter = {
    push: redactor.push,
    flush: redactor.flush,
    text: redactor.redactText,
    counts: () => ({ maskedBytes: 0, masks: 0 }),
  };
  const run = ({ values }: { readonly values?: unknown }) => redactor.add(values as string[]);
  const log = createJobLog({
    spool,
    filters: createFilterChain([{ name: "redact", filter }], silentLogger),
    createSequences: () =>
      createJobSequences({
        calls: createTestCalls(new Map([["redact", { run }]]), {}),
        write() {},
        answer: () => undefined,
      }),
  });
  log.started();
  await log.command("main", (main) =>
    log.beside({ kind: "core" }).command(title, (beside) => {
      work(main, beside);
      return 0;
    }),
  );
  await log.beside({ kind: "core" }).command(title, (output) => (output("alone"), 3));
  log.finished("passed");
  spool.close();
  using reader = spool.reader();
  const blocks: string[] = [];
  for (let batch = await reader.next(); batch; batch = await reader.next()) {
    for (const event of toEvents(batch.lines)) {
      if (event.event === "cmd_started") blocks.push("");
      if (event.event === "cmd_output") blocks.push(`${blocks.pop()}${event.output}`);
    }
  }
  return blocks;
}

const heading = "[signalman: stopping: beside]\n";

test("output beside a block's own is in whole lines, below its title; without an open block it has its own", async () => {
  const blocks = await write((main, beside) => {
    main("one\n");
    beside("first ha");
    main("two ");
    beside("lf\nsecond\r\nthi");
    main("end\n");
    beside(Buffer.from("rd ü").subarray(0, -1));
    beside(Buffer.from("ü").subarray(-1));
  });
  expect(blocks).toEqual([`${heading}one\ntwo \nfirst half\nsecond\nend\nthird ü\n`, "alone"]);
});

test("secrets are masked in both, wherever one is cut and the other comes between", async () => {
  const [text] = await write((main, beside) => {
    main("a very-se");
    beside("b very-secret\nc very-");
    main("cret\n");
    beside("secret\n");
  });
  expect(text).toBe(`${heading}a \nb [REDACTED]\n[REDACTED]\nc [REDACTED]\n`);
});

test("messages of the job are executed, also when both have one at once", async () => {
  const message = toJobSequence({ do: "redact", values: ["late-secret"] } as never);
  const [text] = await write((main, beside) => {
    main(message.slice(0, 20));
    beside(`${message.slice(0, 30)}`);
    beside(`${message.slice(30)}late-secret\n`);
    main(`${message.slice(20)}late-secret\n`);
  });
  expect(text).toBe(`${heading}[REDACTED]\n[REDACTED]\n`);
});

test("a line of any length arrives whole, and what waits for its end is bounded", async () => {
  const long = "🎉".repeat(500_000);
  const [text] = await write((_, beside) => {
    for (let at = 0; at < long.length; at += 50_000) beside(long.slice(at, at + 50_000));
    beside("\nlast");
  });
  const [, ...lines] = text!.split("\n");
  expect(lines.join("")).toBe(`${long}last`);
  expect(lines.length).toBeLessThan(8);
});

test("a failure is a line of its own, and the title is one line", async () => {
  const [text] = await write((_, beside) => beside("half"), "first\nsecond");
  expect(text).toBe("[signalman: stopping: first]\nhalf\n");
});
