import { describe, expect, test } from "bun:test";
import { createBench, createStartedBench, type ExecutorSubject, shellWords } from "./subject.ts";
import { expectEverythingReturnsOne } from "./stop.ts";

/** Tests of the disposal, for any executor. */
export function testDisposal(subject: ExecutorSubject): void {
  const { create, createBroken, commands = shellWords, timeoutMs = 20_000 } = subject;

  describe("disposal", () => {
    test(
      "is safe before start, and twice",
      async () => {
        await using bench = await createBench(create);
        await bench.executor[Symbol.asyncDispose]();
        await bench.executor[Symbol.asyncDispose]();
      },
      timeoutMs,
    );

    test(
      "is safe after a stop, and a stop after it",
      async () => {
        await using bench = await createStartedBench(create);
        await bench.executor.stop(0);
        await bench.executor[Symbol.asyncDispose]();
        await bench.executor.stop(0);
      },
      timeoutMs,
    );

    test(
      "ends a running command; everything after it returns 1",
      async () => {
        await using bench = await createStartedBench(create);
        const running = bench.run(commands.sleep(60));
        await bench.executor[Symbol.asyncDispose]();
        expect((await running).code).toBe(1);
        await expectEverythingReturnsOne(bench.executor);
      },
      timeoutMs,
    );

    if (createBroken === undefined) return;

    test(
      "is safe after a failed start, as is a stop; every other call returns 1",
      async () => {
        await using bench = await createBench((context) => createBroken.call(subject, context));
        const [start] = await Promise.allSettled([bench.executor.start(new AbortController().signal)]);
        expect(start).not.toEqual({ status: "fulfilled", value: 0 });
        await expectEverythingReturnsOne(bench.executor);
        await bench.executor.stop(0);
        await bench.executor[Symbol.asyncDispose]();
      },
      timeoutMs,
    );
  });
}
