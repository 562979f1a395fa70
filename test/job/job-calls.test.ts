import { expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { JobCommandContext, JobCommandHandler } from "../../src/core/contracts/job-command.ts";
import { AgentError } from "../../src/core/errors.ts";
import { wrapService } from "../../src/core/host/attribution.ts";
import { maxCalls } from "../../src/job/commands/job-calls.ts";
import { listenToJob } from "../../src/job/commands/job-socket.ts";
import { maxAnswerBytes } from "../../src/job/commands/messages.ts";
import { askJob } from "../../src/kit/ask-job.ts";
import { createJobVariables } from "../../src/job/job-variables.ts";
import { createRecordingLogger, environmentVariable } from "../../src/testing/index.ts";
import { tmpdir } from "../../src/testing/fixtures.ts";
import { createTestCalls } from "./command-calls.ts";

async function openCommands(commands: Readonly<Record<string, JobCommandHandler>>) {
  const tmp = await tmpdir();
  const path = join(tmp.path, "socket");
  const logger = createRecordingLogger();
  const notes: string[] = [];
  const wrapped = Object.entries(commands).map(([name, handler]) => {
    const origin = { plugin: "test", where: `job-command "${name}"` };
    return [name, wrapService(handler, origin, { methods: ["run"] })] as const;
  });
  const facts = { logger, jobDirectory: tmp.path, write: (text: string) => void notes.push(text) };
  const calls = createTestCalls(new Map(wrapped), facts);
  const listening = listenToJob({ path, calls });
  return {
    path,
    calls,
    notes,
    logger,
    logged: () => logger.entries.map(({ message }) => message),
    ask: (name: string, more: object = {}) => askJob({ ...more, do: name }, { SIGNALMAN_JOB_SOCKET: path }),
    async [Symbol.asyncDispose]() {
      calls[Symbol.dispose]();
      listening[Symbol.dispose]();
      await tmp[Symbol.asyncDispose]();
    },
  };
}

test("a call sets variables of the job until it has ended", async () => {
  const variables = createJobVariables(() => {});
  let late: JobCommandContext["setVariable"] | undefined;
  const handler: JobCommandHandler = {
    run(_, { setVariable }) {
      setVariable("A", "1");
      late = setVariable;
      expect(() => setVariable("B", "1", { scope: "command" } as object)).toThrow("only in command:start");
    },
  };
  const calls = createTestCalls(new Map([["set", handler]]), { variables });
  const { promise, resolve } = Promise.withResolvers<unknown>();
  calls.call({ version: 1, do: "set" }, resolve);
  await promise;
  expect(variables.env).toEqual([environmentVariable("A", "1")]);
  expect(() => late!("A", "2")).toThrow('the variable "A" cannot be set: the call of "set" is over');
});

/** A command whose calls wait until the test settles them. */
function createWaiting() {
  const contexts: JobCommandContext[] = [];
  const answers: PromiseWithResolvers<object>[] = [];
  const begun = new EventTarget();
  const handler: JobCommandHandler = {
    timeoutMs: 3_600_000,
    run(_, context) {
      contexts.push(context);
      answers.push(Promise.withResolvers());
      begun.dispatchEvent(new Event("begun"));
      return answers.at(-1)!.promise as Promise<Record<string, unknown>>;
    },
  };
  return {
    handler,
    contexts,
    answers,
    async until(count: number) {
      while (contexts.length < count)
        await new Promise((resolve) => begun.addEventListener("begun", resolve, { once: true }));
    },
  };
}

const never: JobCommandHandler = { timeoutMs: 20, run: () => new Promise(() => {}) };

function aborted(signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return Promise.resolve(signal.reason);
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason)));
}

test("a command answers with data, at once or later, and knows its job", async () => {
  let seen: JobCommandContext | undefined;
  await using job = await openCommands({
    now: { run: ({ text }) => ({ text, list: [1, null] }) },
    later: {
      async run(_, context) {
        seen = context;
        await Bun.sleep(1);
        return { slot: context.slot };
      },
    },
    nothing: { async run() {} },
  });
  expect(await job.ask("now", { text: "ż" })).toEqual({ text: "ż", list: [1, null] });
  expect(await job.ask("later")).toEqual({ slot: 0 });
  expect(await job.ask("nothing")).toEqual({});
  expect(seen!.job.name).toBe("a job");
  expect(existsSync(join(job.path, "..", "commands"))).toBe(false);
  expect(statSync(seen!.directory).mode & 0o777).toBe(0o700);
});

test("a refusal is its sentence for the job's user, and names the plugin in the agent's log", async () => {
  const refuse = () => {
    throw new AgentError("JOB_REFUSED", "the lock is taken");
  };
  await using job = await openCommands({ now: { run: refuse }, later: { run: async () => refuse() } });
  for (const name of ["now", "later"]) {
    await expect(job.ask(name)).rejects.toMatchObject({ code: "JOB_REFUSED", message: "the lock is taken" });
    expect(job.logged().at(-1)).toBe(`command "${name}" of plugin "test" refused: the lock is taken`);
  }
});

test("the message of an unexpected error is in the agent's log only", async () => {
  const fail = () => {
    throw new Error("token 1234 is wrong");
  };
  await using job = await openCommands({ now: { run: fail }, later: { run: async () => fail() } });
  for (const name of ["now", "later"]) {
    await expect(job.ask(name)).rejects.toMatchObject({
      code: "PLUGIN_FAILED",
      message: `command "${name}" of plugin "test" failed: the agent's log has the reason`,
    });
    expect(job.logged().join("\n")).toContain(
      `plugin "test" failed in job-command "${name}".run: token 1234 is wrong`,
    );
  }
});

const circle: Record<string, unknown> = {};
circle["circle"] = circle;

test.each<[string, unknown, string]>([
  ["a function", () => {}, "must be a JSON object, not a function"],
  ["a list", [], "must be a JSON object, not a list"],
  ["null", null, "must be a JSON object, not null"],
  ["a date", new Date(0), "must be a JSON object"],
  ["a circle", circle, "cannot be written as JSON"],
  ["a big integer", { one: 1n }, "cannot be written as JSON"],
  ["one mebibyte", { text: "x".repeat(2 ** 20) }, `has 1048587 bytes, and ${maxAnswerBytes} are the limit`],
])("%s is no answer, at once or later", async (_, answer, fault) => {
  await using job = await openCommands({
    now: { run: () => answer as object as Record<string, unknown> },
    later: { run: async () => answer as object as Record<string, unknown> },
  });
  for (const name of ["now", "later"]) {
    await expect(job.ask(name)).rejects.toMatchObject({
      code: "PLUGIN_FAILED",
      message: `command "${name}" of plugin "test" failed: the answer of "${name}" ${fault}`,
    });
  }
});

test("the longest answer arrives whole", async () => {
  const text = "x".repeat(maxAnswerBytes - '{"text":""}'.length);
  await using job = await openCommands({ long: { run: () => ({ text }) } });
  expect(await job.ask("long")).toEqual({ text });
});

test("a command that never answers is answered at its time-out, which names command and limit", async () => {
  let reason: Promise<unknown> | undefined;
  await using job = await openCommands({
    never: {
      timeoutMs: 20,
      run(_, { signal, log }) {
        reason = aborted(signal).then((why) => {
          log.write("too late");
          return why;
        });
        return new Promise(() => {});
      },
    },
  });
  const message = 'command "never" of plugin "test" did not answer within 20 ms';
  await expect(job.ask("never")).rejects.toMatchObject({ code: "PLUGIN_SLOW", message });
  expect(await reason).toBe("timeout");
  expect(job.logged()).toEqual([message]);
  expect(job.notes).toEqual([]);
});

test("a caller that goes away aborts the signal of its call", async () => {
  const waiting = createWaiting();
  await using job = await openCommands({ wait: waiting.handler });
  const caller = Bun.spawn([process.execPath, "-e", client, job.path], { env: { BUN_BE_BUN: "1" } });
  await waiting.until(1);
  caller.kill("SIGKILL");
  expect(await aborted(waiting.contexts[0]!.signal)).toBe("disconnected");
  waiting.answers[0]!.reject(new Error("after the end of the connection"));
  const call = job.ask("wait");
  await waiting.until(2);
  waiting.answers[1]!.resolve({ isFree: true });
  expect(await call).toEqual({ isFree: true });
});

const client = `
  const { connect } = require("node:net");
  connect(process.argv[1], function () { this.write('{"version":1,"do":"wait"}\\n'); });
  setInterval(() => {}, 1000);
`;

test("the end of the job aborts the signal, and answers the caller", async () => {
  const waiting = createWaiting();
  await using job = await openCommands({ wait: waiting.handler });
  const call = job.ask("wait");
  await waiting.until(1);
  job.calls[Symbol.dispose]();
  await expect(call).rejects.toMatchObject({
    code: "JOB_UNREACHABLE",
    message: "the job refuses: the job has ended",
  });
  expect(waiting.contexts[0]!.signal.reason).toBe("job-ended");
  await expect(job.ask("wait")).rejects.toThrow("the job has ended");
});

test("handlers that never return use up the calls of their command, and of no other", async () => {
  await using job = await openCommands({ never, other: { run: () => ({ isFine: true }) } });
  const calls = Array.from({ length: maxCalls }, () =>
    job.ask("never").catch((error: Error) => error.message),
  );
  expect(new Set(await Promise.all(calls)).size).toBe(1);
  expect(await say(job.path, '{"version":1,"do":"never"}\n')).toBe(
    `{"is":"refused","version":1,"code":"busy","why":"${maxCalls} calls of \\"never\\" are running"}\n`,
  );
  expect(await job.ask("other")).toEqual({ isFine: true });
});

test("a thousand callers at once are all answered", async () => {
  let most = 0;
  let running = 0;
  await using job = await openCommands({
    slow: {
      async run({ number }) {
        most = Math.max(most, (running += 1));
        await Bun.sleep(5);
        running -= 1;
        return { number };
      },
    },
  });
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, number) => job.ask("slow", { number })));
  expect(answers.map(({ number }) => number)).toEqual(Array.from({ length: 1000 }, (_, number) => number));
  expect(most).toBeLessThanOrEqual(maxCalls);
}, 120_000);

test("messages of one connection are answered in turn, also after one that waits", async () => {
  const waiting = createWaiting();
  await using job = await openCommands({ wait: waiting.handler, echo: { run: ({ text }) => ({ text }) } });
  const lines = [{ do: "wait" }, { do: "echo", text: "two" }, { do: "echo", text: "three" }, { do: "no" }];
  const said = say(job.path, lines.map((line) => `${JSON.stringify({ version: 1, ...line })}\n`).join(""));
  await waiting.until(1);
  waiting.answers[0]!.resolve({ text: "one" });
  const answers = (await said).trimEnd().split("\n");
  expect(answers.map((line) => (JSON.parse(line) as { answer?: { text?: string } }).answer?.text)).toEqual([
    "one",
    "two",
    "three",
    undefined,
  ]);
});

test("a client that sends on while its call waits is refused at 256 KiB", async () => {
  const waiting = createWaiting();
  await using job = await openCommands({ wait: waiting.handler });
  const line = `${JSON.stringify({ version: 1, do: "wait", text: "x".repeat(1000) })}\n`;
  expect(await say(job.path, line.repeat(300))).toContain("more than 262144 bytes wait for an answer");
  expect(await aborted(waiting.contexts[0]!.signal)).toBe("disconnected");
});

test("a job cannot flood the agent's log", async () => {
  await using job = await openCommands({
    no: {
      run() {
        throw new AgentError("JOB_REFUSED", "no");
      },
    },
  });
  for (let count = 0; count < 200; count += 1) await job.ask("no").catch(() => {});
  expect(job.logged().length).toBe(101);
  expect(job.logged().at(-1)).toBe("further reports of commands that this job calls are left out");
});

test("what a command writes to the log is passed on", async () => {
  await using job = await openCommands({
    note: {
      run(_, { log }) {
        log.write("a line");
        log.write(undefined as never);
      },
    },
  });
  await job.ask("note");
  expect(job.notes).toEqual(["a line", "undefined"]);
});

/** Sends text and resolves to everything that is answered until the job closes the connection. */
function say(path: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = "";
    const socket: Socket = connect(path, () => socket.write(text));
    socket.on("data", (bytes) => (heard += bytes.toString()));
    socket.on("error", () => {});
    socket.on("close", () => resolve(heard));
  });
}
