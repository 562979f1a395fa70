import { expect, test } from "bun:test";
import type { JobUsage } from "../../core/contracts/job-summary.ts";
import { createBench, type ExecutorSubject, shellWords } from "./subject.ts";

/** What holds for the figures of an executor that has some. */
export function testUsage({ create, commands = shellWords, timeoutMs = 20_000 }: ExecutorSubject): void {
  test(
    "usage, where it is offered, answers at any moment with figures that never fall",
    async () => {
      await using bench = await createBench(create);
      const { executor } = bench;
      if (!executor.usage) return;
      const told: JobUsage[] = [await executor.usage()];
      expect(await executor.start(new AbortController().signal)).toBe(0);
      const running = bench.begin((it, output) => it.run(commands.sleep(1), output));
      told.push(await executor.usage());
      await running.done;
      told.push(await executor.usage());
      await executor[Symbol.asyncDispose]();
      told.push(await executor.usage());
      for (const [index, usage] of told.entries()) {
        for (const [name, value] of Object.entries(usage)) {
          const before = told[index - 1]?.[name as keyof JobUsage] ?? 0;
          expect(value, name).toBeGreaterThanOrEqual(before);
        }
      }
    },
    timeoutMs,
  );
}
