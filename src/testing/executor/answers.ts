import { describe, expect, test } from "bun:test";
import { jobAnswersVariable } from "../../job/commands/messages.ts";
import { type Bench, createStartedBench, type ExecutorSubject } from "./subject.ts";

/** Tests of the answers to terminal sequences, for an executor that has `putAnswer`. */
export function testAnswers({ create, timeoutMs = 20_000 }: ExecutorSubject): void {
  const fact = (sentence: string, check: (bench: Bench) => Promise<void>) =>
    test(
      sentence,
      async () => {
        await using bench = await createStartedBench(create);
        if (bench.executor.putAnswer !== undefined) await check(bench);
      },
      timeoutMs,
    );
  const put = (bench: Bench, name: string, line: string) =>
    bench.executor.putAnswer!(name, Buffer.from(line));

  describe("an answer to a terminal sequence", () => {
    fact("reaches a command that waits for it, whole", async (bench) => {
      for (const text of ["short", "ż'\"\\$(id)%s", "x".repeat(66 * 1024)]) {
        const name = createName();
        const call = bench.begin((it, output) =>
          it.run(`echo waiting; ${waitFor(name)}; cat "$file"`, output),
        );
        await call.seen("waiting\n");
        await put(bench, name, `${text}\n`);
        expect(await call.done).toEqual({ code: 0, text: `waiting\n${text}\n` });
      }
    });

    fact("that nothing reads leaves the session as it is", async (bench) => {
      await bench.run("cd /; kept=here");
      const call = bench.begin((it, output) => it.run("echo begun; sleep 0.2", output));
      await call.seen("begun\n");
      const during = createName();
      const between = createName();
      await put(bench, during, 'exit 3; echo "unread\n');
      await call.done;
      await put(bench, between, "exit 3\n");
      expect(await bench.run('echo "$PWD $kept"')).toEqual({ code: 0, text: "/ here\n" });
      // A command that reads the terminal finds nothing there.
      const read = await bench.run('read -r -t 1 line </dev/tty; echo "$? $line"');
      expect(read.text).toMatch(/^(1|142) \n$/);
    });

    fact("to a process that was killed leaves the session as it is", async (bench) => {
      const name = createName();
      const script = `set +m; ( ${waitFor(name)} ) & kill -9 $!; wait $! || echo died; set -m; sleep 0.2`;
      const call = bench.begin((it, output) => it.run(script, output));
      await call.seen("died\n");
      await put(bench, name, "exit 3\n");
      expect((await call.done).code).toBe(0);
      expect(await bench.run("echo on")).toEqual({ code: 0, text: "on\n" });
    });

    fact("can be emptied, and is refused when the session has ended", async (bench) => {
      const name = createName();
      await put(bench, name, "a line\n");
      await put(bench, name, "");
      await bench.executor.stop(0);
      await expect(put(bench, createName(), "late\n")).rejects.toThrow();
    });
  });
}

function createName(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

/** Shell text that waits until the answer is complete. */
function waitFor(name: string): string {
  const file = `file="$${jobAnswersVariable}/${name}"`;
  return `${file}; until IFS= read -r answer <"$file"; do sleep 0.05; done 2>/dev/null`;
}
