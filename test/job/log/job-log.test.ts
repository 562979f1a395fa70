import { expect, test } from "bun:test";
import { join } from "node:path";
import * as fc from "fast-check";
import { isAgentError } from "../../../src/core/errors.ts";
import type { JobEvent } from "../../../src/core/contracts/job-events.ts";
import { createJobLog, type WritableJobLog } from "../../../src/job/log/job-log.ts";
import type { Output } from "../../../src/core/contracts/job-log.ts";
import { openRedaction } from "../../../plugins/redact/redaction.ts";
import { createFilterChain, type NamedFilter } from "../../../src/job/log/filter-chain.ts";
import { mask } from "../../../plugins/redact/redactor.ts";
import { createJobSequences, toJobSequence } from "../../../src/job/commands/job-sequences.ts";
import type {
  JobCommandContext,
  JobCommandHandler,
  JobCommandMessage,
} from "../../../src/core/contracts/job-command.ts";
import { createRecordingLogger, jobRequest } from "../../../src/testing/index.ts";
import { createSpool } from "../../../src/job/log/spool.ts";
import { tmpdir } from "../../../src/testing/fixtures.ts";
import { createTestCalls } from "../command-calls.ts";
import { cutAt, eventsIn, outputIn, printedIn } from "./fixtures.ts";

interface Fixture extends AsyncDisposable {
  readonly log: WritableJobLog;
  events(): JobEvent[];
  output(): string;
  printed(): string;
}

interface FixtureOptions {
  readonly secrets?: readonly string[];
  readonly diskLimitBytes?: number;
  readonly filters?: readonly NamedFilter[];
  readonly commands?: ReadonlyMap<string, JobCommandHandler>;
  readonly onAppend?: () => void;
}

async function openLog({
  secrets = [],
  diskLimitBytes = 2 ** 30,
  filters = [redaction(secrets)],
  commands = new Map(),
  onAppend = () => {},
}: FixtureOptions = {}): Promise<Fixture> {
  const tmp = await tmpdir();
  const spool = createSpool(join(tmp.path, "spool"), { diskLimitBytes, fsyncIntervalMs: 0 });
  let seconds = 100;
  const now = () => (seconds += 1);
  spool.watch(onAppend);
  const write = (text: string) => log.note(text, "a note");
  const log: WritableJobLog = createJobLog({
    spool,
    filters: createFilterChain(filters, createRecordingLogger()),
    createSequences: () =>
      createJobSequences({
        calls: createTestCalls(commands, { write }),
        write,
        answer: () => undefined,
      }),
    now,
  });
  return {
    log,
    events: () => eventsIn(spool.path),
    output: () => outputIn(spool.path),
    printed: () => printedIn(spool.path),
    async [Symbol.asyncDispose]() {
      spool.close();
      await tmp[Symbol.asyncDispose]();
    },
  };
}

const redaction = (secrets: readonly string[]): NamedFilter => ({
  name: "redact",
  filter: openRedaction({ job: jobRequest(), secrets, addSecrets: () => {} }, { vars: [], shapes: false }),
});

const codeOf = (error: unknown) => (isAgentError(error) ? error.code : error);

test("a job's log consists of its blocks between start and end, with times in unix seconds", async () => {
  await using fixture = await openLog();
  const { log } = fixture;
  log.started();
  const exitCode = await log.command("make", (output) => {
    output("one\r\n");
    output(Buffer.from("two\r\n"));
    return 3;
  });
  log.finished("failed");
  expect(exitCode).toBe(3);
  expect(fixture.events()).toEqual([
    { event: "job_started", timestamp: 101 },
    { event: "cmd_started", timestamp: 102, directive: "make" },
    { event: "cmd_output", timestamp: 103, output: "one\ntwo\n" },
    {
      event: "cmd_finished",
      timestamp: 104,
      directive: "make",
      exit_code: 3,
      started_at: 102,
      finished_at: 104,
    },
    { event: "job_finished", timestamp: 105, result: "failed" },
  ]);
});

test("an error is the last line of its block, which finishes with 1, and is rethrown to the caller", async () => {
  await using fixture = await openLog({ secrets: ["hunter22"] });
  const boom = new Error("no route to hunter22");
  const work = async (output: Output): Promise<number> => {
    output("half a line, hunter");
    await Promise.resolve();
    throw boom;
  };
  expect(await fixture.log.command("deploy", work).catch((error: unknown) => error)).toBe(boom);
  await fixture.log.command("silent", () => Promise.reject(boom)).catch(() => {});
  expect(fixture.output()).toBe("half a line, hunter\nno route to [REDACTED]\nno route to [REDACTED]\n");
  const codes = fixture.events().flatMap((event) => (event.event === "cmd_finished" ? event.exit_code : []));
  expect(codes).toEqual([1, 1]);
});

test("a nested block is rejected, and the outer block continues", async () => {
  await using fixture = await openLog();
  const { log } = fixture;
  const exitCode = await log.command("outer", async (output) => {
    expect(await log.command("inner", () => 0).catch(codeOf)).toBe("LOG_BUSY");
    output("goes on\n");
    return 0;
  });
  expect(exitCode).toBe(0);
  expect(fixture.events().map(({ event }) => event)).toEqual(["cmd_started", "cmd_output", "cmd_finished"]);
});

test("a block after the end of the job is rejected", async () => {
  await using fixture = await openLog();
  fixture.log.finished("passed");
  expect(await fixture.log.command("late", () => 0).catch(codeOf)).toBe("LOG_BUSY");
  expect(() => fixture.log.finished("passed")).toThrow("the log has ended");
  expect(fixture.events().map(({ event }) => event)).toEqual(["job_finished"]);
});

test("output after the end of its block is counted and not logged", async () => {
  await using fixture = await openLog();
  let late: Output | undefined;
  await fixture.log.command("first", (output) => {
    late = output;
    return 0;
  });
  late?.("żółw");
  await fixture.log.command("second", () => {
    late?.(Buffer.from("12345"));
    return 0;
  });
  expect(fixture.output()).toBe("");
  expect(fixture.log.stats).toMatchObject({ lateBytes: 12, producedBytes: 0 });
});

test("an exit code that is not an integer becomes 1", async () => {
  await using fixture = await openLog();
  for (const code of [undefined, null, Number.NaN, "0", 1.5]) {
    expect(await fixture.log.command("odd", () => code as number)).toBe(1);
  }
});

test("secrets are masked in titles and in output, across chunks; held bytes are logged at the end of the block", async () => {
  await using fixture = await openLog({ secrets: ["hunter22"] });
  await fixture.log.command("login hunter22", (output) => {
    output("a hunt");
    output(Buffer.from("er22 b hunt"));
    return 0;
  });
  await fixture.log.command("again", (output) => {
    output("er22\n");
    return 0;
  });
  expect(fixture.events()[0]).toMatchObject({ directive: "login [REDACTED]" });
  expect(fixture.events()[2]).toMatchObject({ directive: "login [REDACTED]", exit_code: 0 });
  expect(fixture.output()).toBe("a [REDACTED] b hunter22\n");
});

test("a lone surrogate in a title is replaced", async () => {
  await using fixture = await openLog();
  await fixture.log.command("broken \uD83D title", () => 0);
  expect(fixture.events()[0]).toMatchObject({ directive: "broken \uFFFD title" });
});

test("output is in the spool while its command runs", async () => {
  let isStarted = false;
  const shown = Promise.withResolvers<void>();
  await using fixture = await openLog({ onAppend: () => isStarted && shown.resolve() });
  await fixture.log.command("watch", async (output) => {
    isStarted = true;
    output("not yet a li");
    await shown.promise;
    expect(fixture.events().at(-1)).toMatchObject({ event: "cmd_output", output: "not yet a li" });
    return 0;
  });
});

test("every byte of output is in the spool, dropped or masked", async () => {
  const secrets = ["aaaaaa", "abcabc"];
  const anyOutput = fc.array(fc.constantFrom("a", "abc", "aaaaaa", "\n", "b".repeat(500)), { maxLength: 60 });
  const anyCommand = fc.tuple(anyOutput, fc.array(fc.nat(5000), { maxLength: 8 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyCommand, { maxLength: 5 }),
      fc.integer({ min: 5000, max: 20_000 }),
      async (commands, diskLimitBytes) => {
        await using fixture = await openLog({ secrets, diskLimitBytes });
        let produced = 0;
        for (const [parts, cuts] of commands) {
          const bytes = Buffer.from(parts.join(""));
          produced += bytes.length;
          await fixture.log.command("c", (output) => {
            for (const piece of cutAt(bytes, cuts)) output(piece);
            return 0;
          });
        }
        const { producedBytes, droppedBytes, maskedBytes, masks } = fixture.log.stats;
        expect(producedBytes).toBe(produced);
        const filtered = produced - maskedBytes + masks * "[REDACTED]".length;
        expect(fixture.printed().length + droppedBytes).toBe(filtered);
        const blocks = fixture.events().map((event) => ("output" in event ? event.output : "|"));
        for (const secret of secrets) expect(blocks.join("")).not.toContain(secret);
      },
    ),
  );
});

const failing = (name: string, failsAt: string): NamedFilter => ({
  name,
  filter: {
    push(bytes) {
      if (Buffer.from(bytes).includes(failsAt)) throw new Error(`saw ${failsAt}`);
      return bytes;
    },
    flush: () => new Uint8Array(0),
    text: (text) => text,
    counts: () => ({ maskedBytes: 0, masks: 0 }),
  },
});

test("a filter that fails drops and counts the job's further output, and the log reports it", async () => {
  await using fixture = await openLog({ filters: [failing("picky", "boom"), redaction(["hunter22"])] });
  await fixture.log.command("one", (output) => {
    output("fine hunter22\n");
    output("boom\n");
    output("lost\n");
    return 0;
  });
  await fixture.log.command("two hunter22", (output) => {
    output("lost as well\n");
    return 0;
  });
  expect(fixture.output()).toBe(
    'fine [REDACTED]\n\n[signalman: log filter "picky" failed, all further output is dropped]\n',
  );
  expect(fixture.events().at(-1)).toMatchObject({
    directive: '[signalman: dropped, since log filter "picky" failed]',
    exit_code: 0,
  });
  expect(fixture.log.stats.droppedBytes).toBe("boom\nlost\nlost as well\n".length);
});

test("several filters see the output in their order, each that of the one before", async () => {
  const upper: NamedFilter = {
    name: "upper",
    filter: {
      push: (bytes) => Buffer.from(Buffer.from(bytes).toString().toUpperCase()),
      flush: () => Buffer.from("."),
      text: (text) => text.toUpperCase(),
      counts: () => ({ maskedBytes: 1, masks: 2 }),
    },
  };
  await using fixture = await openLog({ filters: [upper, redaction(["HUNTER22."])] });
  await fixture.log.command("say", (output) => {
    output("hunter22");
    return 0;
  });
  expect(fixture.events()[0]).toMatchObject({ directive: "SAY" });
  expect(fixture.output()).toBe("[REDACTED]");
  expect(fixture.log.stats).toMatchObject({ maskedBytes: 10, masks: 3 });
});

test("a note is lines of their own in the open block, after the output that causes it, and is filtered", async () => {
  const commands = new Map([["note", { run: noteMessage }]]);
  await using fixture = await openLog({ secrets: ["hunter2-and-more"], commands });
  const { log } = fixture;
  const sequence = toJobSequence({ version: 1, do: "note", text: "from hunter2-and-more" });
  await log.command("one", (output) => {
    output(`half a line${sequence} and its end\n`);
    output(sequence);
    output("after\n");
    return 0;
  });
  expect(fixture.output()).toBe(
    "half a line and its end\nfrom [REDACTED]\nfrom [REDACTED]\nafter\n".replaceAll("[REDACTED]", mask),
  );
});

test("a note between two blocks is a block of its own, of which a job can cause a thousand", async () => {
  await using fixture = await openLog();
  const { log } = fixture;
  log.started();
  for (let count = 0; count < 1100; count += 1) log.note("x", "a note");
  const { lateBytes } = log.stats;
  log.finished("passed");
  log.note("too late", "a note");
  expect(lateBytes).toBe(100);
  const kinds = fixture.events().map(({ event }) => event);
  expect(kinds.filter((event) => event === "cmd_finished").length).toBe(1000);
  expect(fixture.output()).toBe("x\n".repeat(1000));
});

function noteMessage({ text }: JobCommandMessage, { log }: JobCommandContext): void {
  log.write(String(text));
}
