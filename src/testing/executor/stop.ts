import { describe, expect, test } from "bun:test";
import type { Executor } from "../../core/contracts/executor.ts";
import { environmentVariable } from "../fixtures.ts";
import { createBench, createStartedBench, type ExecutorSubject, shellWords } from "./subject.ts";

export function testStop(subject: ExecutorSubject): void {
  const { create, shell = true, commands = shellWords, timeoutMs = 20_000 } = subject;

  describe("stop", () => {
    test(
      "before start: start answers 1, and so does everything after it",
      async () => {
        await using bench = await createBench(create);
        await bench.executor.stop(0);
        expect(await bench.executor.start(new AbortController().signal)).toBe(1);
        await expectEverythingAnswersOne(bench.executor);
      },
      timeoutMs,
    );

    test(
      "during start: start resolves, and everything after it answers 1",
      async () => {
        await using bench = await createBench(create);
        const controller = new AbortController();
        const starting = bench.executor.start(controller.signal);
        controller.abort();
        await bench.executor.stop(0);
        await Promise.allSettled([starting]);
        await expectEverythingAnswersOne(bench.executor);
      },
      timeoutMs,
    );

    test(
      "during a command: the command is 1, and so is everything after it",
      async () => {
        await using bench = await createStartedBench(create);
        const running = bench.run(commands.sleep(60));
        await bench.executor.stop(1000);
        expect((await running).code).toBe(1);
        await expectEverythingAnswersOne(bench.executor);
      },
      timeoutMs,
    );

    test(
      "between two commands: what follows answers 1",
      async () => {
        await using bench = await createStartedBench(create);
        await bench.run(commands.print("hello"));
        await bench.executor.stop(1000);
        await expectEverythingAnswersOne(bench.executor);
      },
      timeoutMs,
    );

    test(
      "while environment and files are put in place: both calls resolve",
      async () => {
        for (const call of [exportSomething, injectSomething]) {
          await using bench = await createStartedBench(create);
          const running = call(bench.executor);
          await bench.executor.stop(0);
          await running;
          await expectEverythingAnswersOne(bench.executor);
        }
      },
      timeoutMs,
    );

    test(
      "several times at once and again",
      async () => {
        await using bench = await createStartedBench(create);
        const running = bench.run(commands.sleep(60));
        await Promise.all([bench.executor.stop(1000), bench.executor.stop(0), bench.executor.stop(1000)]);
        expect((await running).code).toBe(1);
        await bench.executor.stop(0);
      },
      timeoutMs,
    );

    if (!shell) return;

    test(
      "never lets the script go on to its next line",
      async () => {
        await using bench = await createStartedBench(create);
        const script = "echo begun; sleep 60; echo went on\necho further";
        const running = bench.begin((executor, output) => executor.run(script, output));
        await running.seen("begun");
        await bench.executor.stop(5000);
        expect(await running.done).toEqual({ code: 1, text: "begun\n" });
      },
      timeoutMs,
    );

    test(
      "lets a program that hears SIGTERM end by itself",
      async () => {
        await using bench = await createStartedBench(create);
        const script = `sh -c 'trap "echo heard; exit 0" TERM; echo begun; while :; do sleep 0.05; done'`;
        const running = bench.begin((executor, output) => executor.run(script, output));
        await running.seen("begun");
        await bench.executor.stop(10_000);
        const { code, text } = await running.done;
        expect(code).toBe(1);
        expect(text).toContain("heard\n");
      },
      timeoutMs,
    );

    for (const [what, graces] of [
      ["kills after the grace what ignores SIGTERM", [200]],
      ["with a shorter grace shortens the first", [600_000, 0]],
    ] as const) {
      test(
        what,
        async () => {
          await using bench = await createStartedBench(create);
          const script = `sh -c 'trap "" TERM; echo begun; while :; do sleep 1; done'`;
          const running = bench.begin((executor, output) => executor.run(script, output));
          await running.seen("begun");
          await Promise.all(graces.map((grace) => bench.executor.stop(grace)));
          expect(await running.done).toEqual({ code: 1, text: "begun\n" });
        },
        timeoutMs,
      );
    }
  });
}

/** Also for the disposal's tests. */
export async function expectEverythingAnswersOne(executor: Executor): Promise<void> {
  expect(await exportSomething(executor)).toBe(1);
  expect(await injectSomething(executor)).toBe(1);
  expect(await executor.run("echo hello", () => {})).toBe(1);
}

function exportSomething(executor: Executor): Promise<number> {
  return executor.exportEnvironment([environmentVariable("A", "x")], () => {});
}

function injectSomething(executor: Executor): Promise<number> {
  return executor.injectFiles(
    [{ path: `/tmp/.signalman-suite-${crypto.randomUUID()}`, content: "", mode: "0600" }],
    () => {},
  );
}
