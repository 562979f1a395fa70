import { describe, expect, test } from "bun:test";
import type { Executor } from "../../core/contracts/executor.ts";
import { environmentVariable } from "../fixtures.ts";
import { createBench, createStartedBench, type ExecutorSubject, shellWords } from "./subject.ts";

/** Tests of `stop`, for any executor. */
export function testStop({ create, commands = shellWords, timeoutMs = 20_000 }: ExecutorSubject): void {
  const fact = (sentence: string, check: () => Promise<void>) => test(sentence, check, timeoutMs);

  describe("stop", () => {
    fact("before start: start and everything after it returns 1", async () => {
      await using bench = await createBench(create);
      await bench.executor.stop(0);
      expect(await bench.executor.start(new AbortController().signal)).toBe(1);
      await expectEverythingReturnsOne(bench.executor);
    });

    fact("before start, without a stop: everything returns 1, and start succeeds afterwards", async () => {
      await using bench = await createBench(create);
      await expectEverythingReturnsOne(bench.executor);
      expect(await bench.executor.start(new AbortController().signal)).toBe(0);
      expect((await bench.run(commands.print("hello"))).code).toBe(0);
    });

    test(
      "during start, at any moment: start resolves to 1, and everything after it returns 1",
      async () => {
        for (const end of [
          (executor: Executor) => executor.stop(0),
          (executor: Executor) => executor[Symbol.asyncDispose](),
          (_: Executor, controller: AbortController) => controller.abort(),
        ]) {
          await interruptStart(create, end);
        }
      },
      6 * timeoutMs,
    );

    fact("during a command: the command and everything after it returns 1", async () => {
      await using bench = await createStartedBench(create);
      const running = bench.run(commands.sleep(60));
      await bench.executor.stop(1000);
      expect((await running).code).toBe(1);
      await expectEverythingReturnsOne(bench.executor);
    });

    fact("between two commands: everything after it returns 1", async () => {
      await using bench = await createStartedBench(create);
      await bench.run(commands.print("hello"));
      await bench.executor.stop(1000);
      await expectEverythingReturnsOne(bench.executor);
    });

    fact("while variables are exported and files are injected: both calls resolve", async () => {
      for (const call of [exportSomething, injectSomething]) {
        await using bench = await createStartedBench(create);
        const running = call(bench.executor);
        await bench.executor.stop(0);
        await running;
        await expectEverythingReturnsOne(bench.executor);
      }
    });

    fact("can be called several times, concurrently and again", async () => {
      await using bench = await createStartedBench(create);
      const running = bench.run(commands.sleep(60));
      await Promise.all([bench.executor.stop(1000), bench.executor.stop(0), bench.executor.stop(1000)]);
      expect((await running).code).toBe(1);
      await bench.executor.stop(0);
    });
  });
}

/** Tests of `stop`, for executors whose commands are scripts of a shell. */
export function testScriptStop({ create, timeoutMs = 20_000 }: ExecutorSubject): void {
  const fact = (sentence: string, check: () => Promise<void>) => test(sentence, check, timeoutMs);

  describe("stop of a script", () => {
    fact("never lets it continue with the next line", async () => {
      await using bench = await createStartedBench(create);
      const script = "echo begun; sleep 60; echo went on\necho further";
      const running = bench.begin((executor, output) => executor.run(script, output));
      await running.seen("begun");
      await bench.executor.stop(5000);
      expect(await running.done).toEqual({ code: 1, text: "begun\n" });
    });

    fact("lets a program that handles SIGTERM exit by itself", async () => {
      await using bench = await createStartedBench(create);
      const script = `sh -c 'trap "echo heard; exit 0" TERM; echo begun; while :; do sleep 0.05; done'`;
      const running = bench.begin((executor, output) => executor.run(script, output));
      await running.seen("begun");
      await bench.executor.stop(10_000);
      const { code, text } = await running.done;
      expect(code).toBe(1);
      expect(text).toContain("heard\n");
    });

    for (const [sentence, graces] of [
      ["kills a program that ignores SIGTERM after the grace period", [200]],
      ["with a shorter grace period shortens the first one", [600_000, 0]],
    ] as const) {
      fact(sentence, async () => {
        await using bench = await createStartedBench(create);
        const script = `sh -c 'trap "" TERM; echo begun; while :; do sleep 1; done'`;
        const running = bench.begin((executor, output) => executor.run(script, output));
        await running.seen("begun");
        await Promise.all(graces.map((grace) => bench.executor.stop(grace)));
        const { code, text } = await running.done;
        expect(code).toBe(1);
        // The shell may report the program before it is killed itself.
        expect(text).toMatch(/^begun\n(Killed\n)?$/);
      });
    }
  });
}

/** Ends the start of an executor early and late. What was not over by then must resolve to 1. */
async function interruptStart(
  create: ExecutorSubject["create"],
  end: (executor: Executor, controller: AbortController) => Promise<void> | void,
): Promise<void> {
  const begun = performance.now();
  await (await createStartedBench(create))[Symbol.asyncDispose]();
  const usualMs = performance.now() - begun;
  for (const part of [0, 0.3, 0.8]) {
    await using bench = await createBench(create);
    const { executor } = bench;
    const controller = new AbortController();
    let isStarted = false;
    const starting = executor.start(controller.signal).finally(() => (isStarted = true));
    await Bun.sleep(part * usualMs);
    const wasStarted = isStarted;
    await end(executor, controller);
    expect(await starting).toBe(wasStarted ? 0 : 1);
    if (wasStarted) await executor.stop(0);
    await expectEverythingReturnsOne(executor);
  }
}

/** Asserts that an executor does nothing, because it has not started, or was stopped or disposed. */
export async function expectEverythingReturnsOne(executor: Executor): Promise<void> {
  expect(await exportSomething(executor)).toBe(1);
  expect(await executor.exportEnvironment([], () => {})).toBe(1);
  expect(await injectSomething(executor)).toBe(1);
  expect(await executor.injectFiles([], () => {})).toBe(1);
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
