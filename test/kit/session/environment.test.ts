import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { isVariableName, quote, toExportFile } from "../../../src/kit/session/environment.ts";

test("words are quoted only if necessary, and quotes are escaped", () => {
  expect(quote("")).toBe("''");
  expect(quote("a_b@%+=:,./-9")).toBe("a_b@%+=:,./-9");
  expect(quote("~")).toBe("'~'");
  expect(quote("it's")).toBe(`'it'"'"'s'`);
});

test("bash reads every quoted word back", () => {
  const word = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom("'", '"', "\\", "$", "`", "!", "\n", "\r", " ", "é", "x") }),
  );
  fc.assert(
    fc.property(
      fc.array(
        word.map((text) => text.replaceAll("\0", "")),
        { minLength: 1, maxLength: 30 },
      ),
      (words) => {
        const script = `printf '%s\\0' ${words.map(quote).join(" ")}`;
        const { stdout } = Bun.spawnSync(["bash", "-s"], { stdin: Buffer.from(script) });
        expect(stdout.toString()).toBe(words.map((text) => `${text}\0`).join(""));
      },
    ),
    { numRuns: 60 },
  );
});

test("bash reads every byte of an export file back", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ min: 1, maxLength: 60 }), { minLength: 1, maxLength: 10 }),
      (values) => {
        const variables = values.map((value, i) => ({ name: `V${i}`, value }));
        const script = `${toExportFile(variables).reduce(
          (text, byte) => text + String.fromCharCode(byte),
          "",
        )}printf '%s\\0' ${variables.map(({ name }) => `"$${name}"`).join(" ")}`;
        const { stdout } = Bun.spawnSync(["bash", "-s"], {
          stdin: Buffer.from(script, "latin1"),
          env: { LC_ALL: "C" },
        });
        expect([...stdout]).toEqual(values.flatMap((value) => [...value, 0]));
      },
    ),
    { numRuns: 60 },
  );
});

test("an export file is sorted by name and has the last value of each name", () => {
  const text = Buffer.from;
  const file = toExportFile([
    { name: "B", value: text("1") },
    { name: "A", value: text("") },
    { name: "B", value: text("two words") },
  ]);
  expect(Buffer.from(file).toString()).toBe("export A=''\nexport B='two words'\n");
});

test("invalid names of shell variables are detected", () => {
  for (const name of ["A", "_", "a1_B"]) expect(isVariableName(name)).toBe(true);
  for (const name of ["", "1A", "A-B", "A B", "A=B", "Ä", "A\n"]) expect(isVariableName(name)).toBe(false);
});
