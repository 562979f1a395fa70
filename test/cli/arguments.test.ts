import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseArguments, peekFlags } from "../../src/core/config/arguments.ts";
import type { CommandArgs } from "../../src/core/contracts/command.ts";
import { isAgentError } from "../../src/core/errors.ts";
import { declareOptions } from "../../src/core/config/flags.ts";
import { probe } from "../core/config/harness.ts";

const options = (await declareOptions([probe])).flatMap((declared) => declared.options);

const parse = (argv: readonly string[], args: CommandArgs = {}) =>
  parseArguments(argv, { command: "test", args, options, explainUnknown: async () => "" });

test("every argument is either parsed or rejected", async () => {
  const args: CommandArgs = { word: { type: "string" }, file: { type: "positional", required: false } };
  const words = fc.oneof(
    fc.constantFrom(
      "--text",
      "--no-https",
      "--no-https=false",
      "--word",
      "--word=x",
      "--",
      "-",
      "--list=a,b",
    ),
    fc.string(),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(words), async (argv) => {
      try {
        const { options: given, args: values } = await parse(argv, args);
        const texts = [...given.values()].flat();
        const known = argv.filter(
          (word) => word.startsWith("--text") || word.startsWith("--list=") || word.startsWith("--no-https"),
        );
        expect(texts.length).toBeLessThanOrEqual(known.length);
        expect(Object.keys(values)).toEqual(["word", "file", "_"]);
      } catch (error) {
        expect(isAgentError(error, "USAGE_INVALID")).toBeTrue();
      }
    }),
  );
});

test("every value can follow an equals sign, even if it looks like a flag", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), async (value) => {
      const { options: given } = await parse([`--text=${value}`]);
      expect(given.get("text")).toEqual([value]);
    }),
  );
  expect((await parse(["--text", "-5"])).options.get("text")).toEqual(["-5"]);
  expect((await parse(["--text", "--unknown"])).options.get("text")).toEqual(["--unknown"]);
});

test("arguments after -- are never flags", async () => {
  const { options: given, args } = await parse(["a", "--", "--text", "x"], {
    file: { type: "positional" },
  });
  expect(given.size).toBe(0);
  expect(args).toEqual({ file: "a", _: ["a", "--text", "x"] });
});

test("short names are aliases of a command's flags; options have none", async () => {
  const args: CommandArgs = { env: { type: "string", list: true, alias: ["e", "environment"] } };
  expect((await parse(["-e", "A=1", "-eB=2", "--env=C"], args)).args).toEqual({
    env: ["A=1", "B=2", "C"],
    _: [],
  });
  for (const argv of [["--e", "x"], ["-text"], ["-t"]]) {
    const thrown = await parse(argv, args).catch((error: unknown) => error);
    expect(isAgentError(thrown, "USAGE_INVALID")).toBeTrue();
  }
});

test.each<[CommandArgs, string]>([
  [{ text: { type: "string" } }, "an option has this flag"],
  [{ "no-wait": { type: "boolean" } }, "names of flags must not begin with no-"],
])("a command cannot declare a flag that could not be told apart (%#)", async (args, why) => {
  const thrown = await parse([], args).catch((error: unknown) => error);
  expect(isAgentError(thrown, "PLUGIN_INVALID")).toBeTrue();
  expect(String(thrown)).toContain(why);
});

test("known flags can be read before all flags are declared", () => {
  const argv = ["--unknown", "--config-file", "a", "x", "--config-env=b", "--", "--config-env=c"];
  expect(peekFlags(argv, { "config-file": "string", "config-env": "string" })).toEqual(
    new Map([
      ["config-file", "a"],
      ["config-env", "b"],
    ]),
  );
  expect(peekFlags(["--config-file"], { "config-file": "string" }).size).toBe(0);
});

test.each([
  ["--x", "true"],
  ["--x=false --x", "true"],
  ["--x --x=false", "false"],
  ["--x=", ""],
  ["--y -- --x", undefined],
  ["--no-x", undefined],
])("a boolean among them is a text: %s", (line, text) => {
  expect(peekFlags(line.split(" "), { x: "boolean" }).get("x")).toBe(text);
});
