import { describe, expect, test } from "bun:test";
import type { VariableScope } from "../../core/contracts/executor.ts";
import { environmentVariable } from "../fixtures.ts";
import { type Bench, createStartedBench, type ExecutorSubject, type Outcome } from "./subject.ts";

/** Tests of variables that plugins set between two commands of a shell: `exportEnvironment`, silent. */
export function testVariables({ create, timeoutMs = 20_000 }: ExecutorSubject): void {
  const fact = (sentence: string, check: () => Promise<void>) => test(sentence, check, timeoutMs);

  describe("variables of plugins", () => {
    fact("are exact, and are seen by child processes", async () => {
      await using bench = await createStartedBench(create);
      await set(bench, values);
      for (const [name, value] of Object.entries(values)) {
        const { text } = await bench.run(`sh -c 'printf "%s" "$${name}"' | od -An -v -tx1 | tr -d ' \\n'`);
        expect([name, Buffer.from(text, "hex").toString()]).toEqual([name, value]);
      }
    });

    fact("stay for the job, until the job or a plugin changes them", async () => {
      await using bench = await createStartedBench(create);
      await set(bench, { VALUE: "first" });
      await bench.run("true");
      expect((await bench.run("echo $VALUE")).text).toBe("first\n");
      await bench.run("export VALUE=own");
      expect((await bench.run("echo $VALUE")).text).toBe("own\n");
      await set(bench, { VALUE: "second" });
      expect((await bench.run("echo $VALUE")).text).toBe("second\n");
    });

    fact("are set in a shell that traces, ends at errors and has own functions for builtins", async () => {
      await using bench = await createStartedBench(create);
      await bench.run("set -euvx; export() { :; }; unset() { :; }; alias eval=false");
      await set(bench, { VALUE: "for all" }, "job");
      expect(await set(bench, { VALUE: "for one" }, "command")).toEqual({ code: 0, text: "" });
      const first = await bench.run('sh -c \'printf "%s." "$VALUE"\'');
      const second = await bench.run('sh -c \'printf "%s." "$VALUE"\'; set +euvx');
      for (const [{ code, text }, value] of [
        [first, "for one"],
        [second, "for all"],
      ] as const) {
        expect(code).toBe(0);
        expect(text).toContain(`${value}.`);
        expect(text).not.toMatch(/signalman|builtin/);
      }
      expect(first.text).not.toContain("for all");
    });

    fact("that the job has made read-only keep their values, and the log shows it", async () => {
      await using bench = await createStartedBench(create);
      await bench.run("readonly FIXED=own; set -e");
      expect(await set(bench, { AFTER: "x", FIXED: "y" })).toEqual({ code: 0, text: "" });
      expect(await bench.run('echo "$FIXED $AFTER"')).toEqual({
        code: 0,
        text: "[signalman: a plugin cannot set FIXED, which the job has made read-only]\nown x\n",
      });
    });

    fact("do not swallow the output of background processes", async () => {
      await using bench = await createStartedBench(create);
      const first = await bench.run("(for i in 1 2 3 4 5 6 7 8 9; do sleep 0.05; echo $i; done) &");
      let text = first.text;
      for (let index = 0; index < 20; index += 1) {
        await set(bench, { INDEX: `${index}` }, index % 2 === 0 ? "job" : "command");
        text += (await bench.run("sleep 0.01")).text;
      }
      text += (await bench.run("wait")).text;
      expect(text.match(/^\d$/gm)?.join("")).toBe("123456789");
    });
  });
}

/** Tests of variables that are set for one command. */
export function testCommandVariables({ create, timeoutMs = 20_000 }: ExecutorSubject): void {
  const fact = (sentence: string, check: () => Promise<void>) => test(sentence, check, timeoutMs);

  describe("variables of one command", () => {
    for (const command of ["true", "(exit 3)", "VALUE=changed", "unset VALUE"]) {
      fact(`are restored after "${command}"`, async () => {
        await using bench = await createStartedBench(create);
        for (const [before, state] of formerStates) {
          await bench.run(before);
          await set(bench, { VALUE: "for one" }, "command");
          expect((await bench.run(`sh -c 'echo "$VALUE"'; ${command}`)).text).toBe("for one\n");
          expect((await bench.run("declare -p VALUE 2>/dev/null || echo unset")).text).toBe(state);
        }
      });
    }

    fact("are restored before the next ones are set", async () => {
      await using bench = await createStartedBench(create);
      for (const value of ["1", "2"]) {
        await set(bench, { VALUE: value, [`OF_${value}`]: value }, "command");
        expect((await bench.run('echo "${VALUE-} ${OF_1-} ${OF_2-}"')).text.trim()).toBe(
          value === "1" ? "1 1" : "2  2",
        );
      }
      await set(bench, { VALUE: "3" }, "job");
      expect((await bench.run('echo "${VALUE-} ${OF_1-} ${OF_2-}"')).text.trim()).toBe("3");
    });

    fact("that are set twice get back what they were before both", async () => {
      await using bench = await createStartedBench(create);
      await bench.run("VALUE=former");
      await set(bench, { VALUE: "1" }, "command");
      await set(bench, { VALUE: "2" }, "command");
      expect((await bench.run("echo $VALUE")).text).toBe("2\n");
      expect((await bench.run("declare -p VALUE")).text).toBe('declare -- VALUE="former"\n');
    });

    fact("return 1 in a session that has ended", async () => {
      await using bench = await createStartedBench(create);
      await set(bench, { VALUE: "x" }, "command");
      await bench.run("exit 3");
      expect((await set(bench, { VALUE: "x" })).code).toBe(1);
      expect((await bench.run("echo never")).code).toBe(1);
    });
  });
}

const values = {
  SUITE_PLAIN: "value",
  SUITE_EMPTY: "",
  SUITE_QUOTES: `it's "quoted" \`id\` $(id) $HOME \${HOME}`,
  SUITE_LINES: "one\ntwo\n\nthree\n",
  SUITE_UNICODE: "ünï ☃ 🎉",
  SUITE_LONG: "x".repeat(64 * 1024),
};

/** Commands that set `VALUE`, and its declaration. */
const formerStates = [
  ["unset VALUE", "unset\n"],
  ["unset VALUE; VALUE=own", 'declare -- VALUE="own"\n'],
  [`unset VALUE; export VALUE='it"s $own'`, 'declare -x VALUE="it\\"s \\$own"\n'],
  ["unset VALUE; VALUE=(a 'b c')", 'declare -a VALUE=([0]="a" [1]="b c")\n'],
] as const;

function set(
  bench: Bench,
  variables: Readonly<Record<string, string>>,
  scope: VariableScope = "job",
): Promise<Outcome> {
  const env = Object.entries(variables).map(([name, value]) => environmentVariable(name, value));
  const options = { silent: true, scope } as const;
  return bench.begin((executor, output) => executor.exportEnvironment(env, output, options)).done;
}
