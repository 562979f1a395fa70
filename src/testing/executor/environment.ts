import { describe, expect, test } from "bun:test";
import type { EnvironmentVariable } from "../../core/contracts/job-request.ts";
import { environmentVariable } from "../fixtures.ts";
import { type Bench, createStartedBench, type ExecutorSubject, type Outcome } from "./subject.ts";

export function testEnvironment({ create, shell = true, timeoutMs = 20_000 }: ExecutorSubject): void {
  const values = {
    SUITE_PLAIN: "value",
    SUITE_EMPTY: "",
    SUITE_QUOTES: `it's "quoted" \`id\` $(id) $HOME \${HOME}`,
    SUITE_BACKSLASHES: String.raw`a\nb\\c\ `,
    SUITE_LINES: "one\ntwo\n\nthree\n",
    SUITE_SPACES: "  a \t b  ",
    SUITE_UNICODE: "ünï ☃ 🎉",
    SUITE_OPTION: "-n",
    SUITE_HISTORY: "wow!! !1 ^a^b",
    SUITE_LONG: "x".repeat(100_000),
  };

  describe("exportEnvironment", () => {
    test(
      "names what it exports, sorted",
      async () => {
        await using bench = await createStartedBench(create);
        const env = ["B_2", "C", "A"].map((name) => environmentVariable(name, "x"));
        const text = "Exporting A\nExporting B_2\nExporting C\n";
        expect(await exportAll(bench, env)).toEqual({ code: 0, text });
        expect(await exportAll(bench, [])).toEqual({ code: 0, text: "" });
      },
      timeoutMs,
    );

    test(
      "answers 1 for a value that is no base64, and the session goes on",
      async () => {
        await using bench = await createStartedBench(create);
        expect((await exportAll(bench, [{ name: "BAD", value: "%%%" }])).code).toBe(1);
        const env = [environmentVariable("GOOD", "x")];
        expect(await exportAll(bench, env)).toEqual({ code: 0, text: "Exporting GOOD\n" });
      },
      timeoutMs,
    );

    if (!shell) return;

    test(
      "every value survives: quotes, line ends, spaces, unicode, nothing, a hundred thousand characters",
      async () => {
        await using bench = await createStartedBench(create);
        const env = Object.entries(values).map(([name, value]) => environmentVariable(name, value));
        expect((await exportAll(bench, env)).code).toBe(0);
        for (const [name, value] of Object.entries(values)) {
          const { text } = await bench.run(`printf '%s' "$${name}" | od -An -v -tx1 | tr -d ' \\n'`);
          expect([name, Buffer.from(text, "hex").toString()]).toEqual([name, value]);
        }
      },
      timeoutMs,
    );

    test(
      "child processes see it, and a second export replaces the first",
      async () => {
        await using bench = await createStartedBench(create);
        const childSees = async (): Promise<string> => (await bench.run(`sh -c 'printf "%s" "$VALUE"'`)).text;
        await exportAll(bench, [environmentVariable("VALUE", "first")]);
        expect(await childSees()).toBe("first");
        await exportAll(bench, [environmentVariable("VALUE", "second")]);
        expect(await childSees()).toBe("second");
      },
      timeoutMs,
    );
  });
}

function exportAll(bench: Bench, env: readonly EnvironmentVariable[]): Promise<Outcome> {
  return bench.begin((executor, output) => executor.exportEnvironment(env, output)).done;
}
