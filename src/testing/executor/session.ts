import { describe, expect, test } from "bun:test";
import { createStartedBench, type ExecutorSubject } from "./subject.ts";

/** Tests of the state and the output of commands that run in one shell. */
export function testSession({ create, timeoutMs = 20_000 }: ExecutorSubject): void {
  const fact = (sentence: string, check: () => Promise<void>) => test(sentence, check, timeoutMs);

  describe("a session", () => {
    fact("keeps directory, variables, functions, options and mask for the next command", async () => {
      await using bench = await createStartedBench(create);
      for (const [first, then, text] of states) {
        expect(await bench.run(first)).toEqual({ code: 0, text: "" });
        expect(await bench.run(then)).toEqual({ code: 0, text });
      }
    });

    fact("runs scripts of any shape, and passes their whole output", async () => {
      await using bench = await createStartedBench(create);
      for (const [directive, text] of scripts) {
        expect(await bench.run(directive)).toEqual({ code: 0, text });
      }
    });

    fact("passes bytes that are not text unchanged", async () => {
      await using bench = await createStartedBench(create);
      const script = String.raw`printf '\377\376\000\001\033z'`;
      const call = bench.begin((executor, output) => executor.run(script, output));
      await call.done;
      expect([...call.bytes()]).toEqual([255, 254, 0, 1, 27, 122]);
    });

    fact("passes three million bytes without a loss", async () => {
      await using bench = await createStartedBench(create);
      const { code, text } = await bench.run(String.raw`head -c 3000000 /dev/zero | tr '\0' x; echo end`);
      expect(code).toBe(0);
      expect(text.length).toBe(3_000_004);
      expect(text === `${"x".repeat(3_000_000)}end\n`).toBe(true);
    });

    for (const death of ["exit 3", "kill -9 $$", "set -e; false"]) {
      fact(
        `ends with "${death}": the command returns 1 with its whole output, and the next one 1`,
        async () => {
          await using bench = await createStartedBench(create);
          expect(await bench.run(`echo last words; ${death}`)).toEqual({
            code: 1,
            text: "last words\n",
          });
          expect(await bench.run("echo hello")).toEqual({ code: 1, text: "" });
        },
      );
    }
  });
}

/** Tests of the output of processes that outlive the command that started them. */
export function testBackgroundOutput({ create, timeoutMs = 20_000 }: ExecutorSubject): void {
  const fact = (sentence: string, check: () => Promise<void>) => test(sentence, check, timeoutMs);

  describe("background output", () => {
    fact("between two commands opens the output of the second", async () => {
      await using bench = await createStartedBench(create);
      const first = await bench.run("((sleep 0.3; echo from behind) &)");
      const second = await bench.run("sleep 1; echo in front");
      expect(first.text + second.text).toBe("from behind\nin front\n");
    });

    fact("before a silent command is left to the command after it", async () => {
      await using bench = await createStartedBench(create);
      const first = await bench.run("((sleep 0.3; echo from behind) &)");
      await Bun.sleep(1000);
      const silent = bench.begin((executor, output) => executor.run("echo own", output, { silent: true }));
      expect(await silent.done).toEqual({ code: 0, text: "own\n" });
      const next = await bench.run("echo next");
      expect(first.text + next.text).toBe("from behind\nnext\n");
    });
  });
}

/** A command that changes the state of the shell, a command that prints the state, and its output. */
const states = [
  [
    "cd /tmp && mkdir -p suite-dir && cd suite-dir",
    "basename $PWD; cd /; rmdir /tmp/suite-dir",
    "suite-dir\n",
  ],
  ["plain=1 exported=2; export exported", 'echo "$plain $exported"', "1 2\n"],
  ["greet() { echo hi $1; }", "greet you", "hi you\n"],
  ["set -f", "echo /*; set +f", "/*\n"],
  ["umask 027", "umask", "0027\n"],
] as const;

/** Scripts with their output. */
const scripts = [
  ["seq 1 20000", Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join("")],
  ["for i in 1 2\ndo\n  echo $i\ndone", "1\n2\n"],
  ["cat <<'END'\n$not `expanded`\nEND\necho after", "$not `expanded`\nafter\n"],
  [`: '${"x".repeat(200_000)}'; echo long`, "long\n"],
  [`echo "it's" '"☃"' \\\\`, `it's "☃" \\\n`],
  ["printf no-newline", "no-newline"],
  ["echo oops >&2", "oops\n"],
  [String.raw`printf '\001 949556c7-1-end 7\n'; echo after`, "\u0001 949556c7-1-end 7\nafter\n"],
] as const;
