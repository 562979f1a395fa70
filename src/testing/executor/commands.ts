import { expect, test } from "bun:test";
import { createStartedBench, type ExecutorSubject, shellWords } from "./subject.ts";

/** Tests of commands, for any executor, also for one without a shell. */
export function testCommands({ create, commands = shellWords, timeoutMs = 20_000 }: ExecutorSubject): void {
  test(
    "a command's exit code is exact",
    async () => {
      await using bench = await createStartedBench(create);
      for (const code of [0, 1, 2, 3, 42, 126, 127, 130, 143, 255]) {
        expect((await bench.run(commands.exit(code))).code).toBe(code);
      }
    },
    timeoutMs,
  );

  test(
    "a command's output is what it printed, and nothing else",
    async () => {
      await using bench = await createStartedBench(create);
      expect(await bench.run(commands.print("hello"))).toEqual({ code: 0, text: "hello\n" });
      expect(await bench.run(commands.exit(3))).toEqual({ code: 3, text: "" });
    },
    timeoutMs,
  );

  test(
    "three hundred commands keep their own output",
    async () => {
      await using bench = await createStartedBench(create);
      for (let index = 0; index < 300; index += 1) {
        const outcome = await bench.run(commands.print(`line ${index}`));
        expect(outcome).toEqual({ code: 0, text: `line ${index}\n` });
      }
    },
    timeoutMs,
  );

  test(
    "after a command that fails the next one runs",
    async () => {
      await using bench = await createStartedBench(create);
      expect((await bench.run(commands.exit(1))).code).toBe(1);
      expect(await bench.run(commands.print("still here"))).toEqual({ code: 0, text: "still here\n" });
    },
    timeoutMs,
  );
}
