import { expect, test } from "bun:test";
import type { JobUsage } from "../../core/contracts/job-summary.ts";
import { createBench, type ExecutorSubject, shellWords } from "./subject.ts";

/** Tests of the resource usage that an executor reports, if it does. */
export function testUsage({ create, commands = shellWords, timeoutMs = 20_000 }: ExecutorSubject): void {
  test(
    "usage can be read at any time, and its figures never decrease",
    async () => {
      await using bench = await createBench(create);
      const { executor } = bench;
      if (!executor.usage) return;
      const reported: JobUsage[] = [await executor.usage()];
      expect(await executor.start(new AbortController().signal)).toBe(0);
      const running = bench.begin((it, output) => it.run(commands.sleep(1), output));
      reported.push(await executor.usage());
      await running.done;
      reported.push(await executor.usage());
      await executor[Symbol.asyncDispose]();
      reported.push(await executor.usage());
      for (const [index, usage] of reported.entries()) {
        for (const [name, value] of Object.entries(usage)) {
          if (name === "memoryBytes" || typeof value !== "number") continue;
          const before = Number(reported[index - 1]?.[name as keyof JobUsage] ?? 0);
          expect(value, name).toBeGreaterThanOrEqual(before);
        }
      }
    },
    timeoutMs,
  );
}
