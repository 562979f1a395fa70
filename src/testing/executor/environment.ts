import { describe, expect, test } from "bun:test";
import type { VariableScope } from "../../core/contracts/executor.ts";
import type { EnvironmentVariable } from "../../core/contracts/job-request.ts";
import { environmentVariable } from "../fixtures.ts";
import { type Bench, createStartedBench, type ExecutorSubject, type Outcome } from "./subject.ts";

/** Tests of `exportEnvironment`, for any executor. */
export function testEnvironment(subject: ExecutorSubject): void {
  const { create, exportOrder = "name", timeoutMs = 20_000 } = subject;
  const fact = (sentence: string, check: () => Promise<void>) => test(sentence, check, timeoutMs);

  describe("exportEnvironment", () => {
    fact(`reports the exported names in the order of ${exportOrder}`, async () => {
      await using bench = await createStartedBench(create);
      const names = ["B_2", "C", "A"];
      const env = names.map((name) => environmentVariable(name, "x"));
      const reported = exportOrder === "name" ? names.toSorted() : names;
      const text = reported.map((name) => `Exporting ${name}\n`).join("");
      expect(await exportAll(bench, env)).toEqual({ code: 0, text });
      expect(await exportAll(bench, [])).toEqual({ code: 0, text: "" });
    });

    fact("returns 1 for a value that is not base64, and the session continues", async () => {
      await using bench = await createStartedBench(create);
      expect((await exportAll(bench, [{ name: "BAD", value: "%%%" }])).code).toBe(1);
      const env = [environmentVariable("GOOD", "x")];
      expect(await exportAll(bench, env)).toEqual({ code: 0, text: "Exporting GOOD\n" });
    });

    fact("reports nothing when it is silent", async () => {
      await using bench = await createStartedBench(create);
      for (const scope of ["job", "command"] as const) {
        expect(await exportSilently(bench, { SILENT: "x" }, scope)).toEqual({ code: 0, text: "" });
      }
    });
  });
}

/** Tests of the exported values, which the commands of a shell print. */
export function testEnvironmentValues({ create, timeoutMs = 20_000 }: ExecutorSubject): void {
  const fact = (sentence: string, check: () => Promise<void>) => test(sentence, check, timeoutMs);

  describe("exported variables", () => {
    fact(
      "are exact: quotes, line ends, spaces, unicode, nothing, a hundred thousand characters",
      async () => {
        await using bench = await createStartedBench(create);
        const env = Object.entries(values).map(([name, value]) => environmentVariable(name, value));
        expect((await exportAll(bench, env)).code).toBe(0);
        for (const [name, value] of Object.entries(values)) {
          const { text } = await bench.run(`printf '%s' "$${name}" | od -An -v -tx1 | tr -d ' \\n'`);
          expect([name, Buffer.from(text, "hex").toString()]).toEqual([name, value]);
        }
      },
    );

    fact("are seen by child processes, and replaced by a second export", async () => {
      await using bench = await createStartedBench(create);
      const childSees = async (): Promise<string> => (await bench.run(`sh -c 'printf "%s" "$VALUE"'`)).text;
      await exportAll(bench, [environmentVariable("VALUE", "first")]);
      expect(await childSees()).toBe("first");
      await exportAll(bench, [environmentVariable("VALUE", "second")]);
      expect(await childSees()).toBe("second");
    });
  });
}

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

function exportSilently(
  bench: Bench,
  values: Readonly<Record<string, string>>,
  scope: VariableScope,
): Promise<Outcome> {
  const env = Object.entries(values).map(([name, value]) => environmentVariable(name, value));
  const options = { silent: true, scope } as const;
  return bench.begin((executor, output) => executor.exportEnvironment(env, output, options)).done;
}

function exportAll(bench: Bench, env: readonly EnvironmentVariable[]): Promise<Outcome> {
  return bench.begin((executor, output) => executor.exportEnvironment(env, output)).done;
}
