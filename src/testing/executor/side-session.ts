import { describe, expect, test } from "bun:test";
import type { Executor } from "../../core/contracts/executor.ts";
import type { SideSession } from "../../core/contracts/side-session.ts";
import { environmentVariable } from "../fixtures.ts";
import { createCapture } from "../job-log.ts";
import {
  type Bench,
  type Call,
  createBench,
  createStartedBench,
  type ExecutorSubject,
  type Outcome,
} from "./subject.ts";

/** Tests of `openSession`, for executors that have it and whose commands are scripts of a shell. */
export function testSideSession(subject: ExecutorSubject): void {
  const { create, seesSession = true, timeoutMs = 20_000 } = subject;
  const fact: Fact = (sentence, check) => test(sentence, check, timeoutMs);

  describe("a session beside the running one", () => {
    testCommands(create, fact);
    if (seesSession) testState(create, fact);
    testEnds(create, fact);
    testBounds(create, fact);
  });
}

type Create = ExecutorSubject["create"];
type Fact = (sentence: string, check: () => Promise<void>) => void;

function testCommands(create: Create, fact: Fact): void {
  fact("runs commands while a command runs, and does not disturb its output", async () => {
    await using bench = await createStartedBench(create);
    const running = await begin(bench, `${waitFor("gate")}; echo end`);
    await using side = await open(bench.executor);
    expect(await runIn(side, "echo beside; (exit 42)")).toEqual({ code: 42, text: "beside\n" });
    expect(await runIn(side, "touch ~/gate")).toEqual({ code: 0, text: "" });
    expect(await running.done).toEqual({ code: 0, text: "begun\nend\n" });
    expect((await bench.run("echo further")).text).toBe("further\n");
    expect((await runIn(side, "echo further beside")).text).toBe("further beside\n");
  });

  fact("has the variables that the agent has exported", async () => {
    await using bench = await createStartedBench(create);
    const value = `it's "a" $(id) ünï\nline`;
    const env = [environmentVariable("SUITE_SIDE", value)];
    await bench.begin((executor, output) => executor.exportEnvironment(env, output)).done;
    for (const command of ["", "sleep 600"]) {
      if (command !== "") await begin(bench, command);
      await using side = await open(bench.executor);
      expect((await runIn(side, `sh -c 'printf "%s" "$SUITE_SIDE"'`)).text).toBe(value);
    }
  });
}

/** What the session takes from the running one. */
function testState(create: Create, fact: Fact): void {
  fact("has the exports and the directory of the running command, but not its other variables", async () => {
    await using bench = await createStartedBench(create);
    const child = uniqueSleep();
    const env = [environmentVariable("SUITE_OLD", "old"), environmentVariable("SUITE_GONE", "gone")];
    await bench.begin((executor, output) => executor.exportEnvironment(env, output)).done;
    const setUp = `cd /usr; export SUITE_OLD=new "SUITE_QUOTES=it's \\$(id)"; SUITE_PLAIN=plain; unset SUITE_GONE`;
    await begin(bench, `${setUp}; (export SUITE_INNER=1; (${child}; :); :)`, child);
    await using side = await open(bench.executor);
    const print = `pwd; echo "$SUITE_OLD $SUITE_QUOTES \${SUITE_PLAIN-no} \${SUITE_GONE-no}"`;
    expect((await runIn(side, print)).text).toBe("/usr\nnew it's $(id) no no\n");
  });

  fact("evaluates nothing of what it finds", async () => {
    await using bench = await createStartedBench(create);
    const names = ["a[$(touch ~/evil)]", "$(touch ~/evil)", "`touch ~/evil`;touch ~/evil", "-n", "__a_at"];
    const words = names.map((name) => `'${name}=$(touch ~/evil)'`).join(" ");
    const child = uniqueSleep();
    await begin(bench, `env ${words} 'SUITE_EVIL=\`touch ~/evil\`$(touch ~/evil)' ${child}`, child);
    await using side = await open(bench.executor);
    const { text } = await runIn(side, 'echo "$SUITE_EVIL"; ls ~/evil 2>/dev/null');
    expect(text).toBe("`touch ~/evil`$(touch ~/evil)\n");
  });
}

function testEnds(create: Create, fact: Fact): void {
  for (const [sentence, finish] of [
    ["a stop", (executor: Executor) => executor.stop(0)],
    ["the disposal", (executor: Executor) => executor[Symbol.asyncDispose]()],
  ] as const) {
    fact(`ends with ${sentence}, as does its command, and no other one is opened`, async () => {
      await using bench = await createStartedBench(create);
      const main = await begin(bench, "sleep 600");
      const side = await open(bench.executor);
      const idle = await open(bench.executor);
      const running = await beginIn(side, "sleep 600");
      await finish(bench.executor);
      expect((await main.done).code).toBe(1);
      expect((await running.done).code).toBe(1);
      await Promise.all([side.ended, idle.ended]);
      expect((await runIn(side, "echo never")).code).toBe(1);
      await expect(open(bench.executor)).rejects.toMatchObject({ code: "SESSION_FAILED" });
      await side[Symbol.asyncDispose]();
    });
  }

  fact("is not opened before the start, nor when a stop comes meanwhile", async () => {
    await using bench = await createBench(create);
    await expect(open(bench.executor)).rejects.toMatchObject({ code: "SESSION_FAILED" });
    expect(await bench.executor.start(new AbortController().signal)).toBe(0);
    const opening = Promise.allSettled([open(bench.executor), open(bench.executor)]);
    await bench.executor.stop(0);
    const outcomes = await opening;
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  fact("ends when its signal aborts or it is disposed, and the running command continues", async () => {
    await using bench = await createStartedBench(create);
    const main = await begin(bench, waitFor("gate"));
    const controller = new AbortController();
    const [aborted, disposed] = [await open(bench.executor, controller.signal), await open(bench.executor)];
    const running = await Promise.all([beginIn(aborted, "sleep 600"), beginIn(disposed, "sleep 600")]);
    controller.abort();
    await disposed[Symbol.asyncDispose]();
    for (const each of running) expect((await each.done).code).toBe(1);
    await Promise.all([aborted.ended, disposed.ended]);
    await expect(open(bench.executor, controller.signal)).rejects.toMatchObject({ code: "SESSION_FAILED" });
    await using next = await open(bench.executor);
    await runIn(next, "touch ~/gate");
    expect((await main.done).code).toBe(0);
  });
}

function testBounds(create: Create, fact: Fact): void {
  fact("is one of a few: one more is refused until another has ended", async () => {
    await using bench = await createStartedBench(create);
    const all: SideSession[] = [];
    const refused = async () => {
      while (all.length < 100) all.push(await open(bench.executor));
    };
    await expect(refused()).rejects.toMatchObject({ code: "SESSION_FAILED" });
    expect(all.length).toBeGreaterThan(0);
    await all[0]![Symbol.asyncDispose]();
    await using again = await open(bench.executor);
    expect((await runIn(again, "echo again")).text).toBe("again\n");
    expect((await runIn(all.at(-1)!, "echo still there")).text).toBe("still there\n");
  });

  fact("ends with its shell", async () => {
    await using bench = await createStartedBench(create);
    const side = await open(bench.executor);
    expect((await runIn(side, "echo last words; exit 3")).text).toBe("last words\n");
    await side.ended;
    expect((await runIn(side, "echo never")).code).toBe(1);
    expect((await bench.run("echo hello")).text).toBe("hello\n");
  });

  fact("with a terminal is a shell for a person: input, size, end", async () => {
    await using bench = await createStartedBench(create);
    const shown = createCapture();
    const type = (line: string) => side.write(new TextEncoder().encode(`${line}\n`));
    const seen = async (text: string) => {
      while (!shown.text().includes(text)) await Bun.sleep(20);
    };
    const terminal = { rows: 30, columns: 90, onData: shown.output };
    const side = await bench.executor.openSession!({ signal: new AbortController().signal, terminal });
    type("export SUITE_TYPED=$((6 * 7)); echo typed $SUITE_TYPED; stty size");
    await seen("typed 42\n");
    await seen("30 90\n");
    side.resize({ rows: 40, columns: 100 });
    // The size may change after the next line.
    type("until [ \"$(stty size)\" = '40 100' ]; do sleep 0.05; done; echo re''sized");
    await seen("resized\n");
    expect((await runIn(side, "echo never")).code).toBe(1);
    type("exit");
    await side.ended;
    expect((await bench.run("echo hello")).text).toBe("hello\n");
  });
}

async function open(
  executor: Executor,
  signal: AbortSignal = new AbortController().signal,
): Promise<SideSession> {
  return await executor.openSession!({ signal });
}

/** Starts a command that prints `begun`, and resolves when its program `child` runs, if it is given. */
async function begin(bench: Bench, command: string, child?: string): Promise<Call> {
  const call = bench.begin((executor, output) => executor.run(`echo begun; ${command}`, output));
  await call.seen("begun\n");
  if (child === undefined) return call;
  await using side = await open(bench.executor);
  // bash drops the NULs between the words.
  const isIt = `line=; IFS= read -r line <"$file"; [ "$line" = '${child.replaceAll(" ", "")}' ] && return`;
  const find = `find() { for file in /proc/[0-9]*/cmdline; do ${isIt}; done 2>/dev/null; return 1; }`;
  await runIn(side, `${find}; until find; do sleep 0.05; done`);
  return call;
}

function runIn(side: SideSession, directive: string): Promise<Outcome> {
  return start(side, directive).done;
}

async function beginIn(side: SideSession, command: string) {
  const call = start(side, `echo begun; ${command}`);
  await call.begun;
  return call;
}

function start(side: SideSession, directive: string) {
  const capture = createCapture();
  const begun = Promise.withResolvers<void>();
  const done = side
    .run(directive, (chunk) => {
      capture.output(chunk);
      if (capture.text().includes("begun\n")) begun.resolve();
    })
    .then((code) => ({ code, text: capture.text() }));
  return { begun: begun.promise, done };
}

/** A command that waits for a file in the home directory. */
function waitFor(name: string): string {
  return `while [ ! -e ~/${name} ]; do sleep 0.05; done`;
}

function uniqueSleep(): string {
  return `sleep 600.${Math.floor(Math.random() * 1e9)}`;
}
