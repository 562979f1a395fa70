import { describe, expect, test } from "bun:test";
import { complete } from "../../../src/cli/completion/complete.ts";
import type { Declarations, DeclaredFlag } from "../../../src/cli/completion/declarations.ts";
import { unquoteBash } from "../../../src/cli/completion/unquote-bash.ts";

const flag = (name: string, more: Partial<DeclaredFlag> = {}): DeclaredFlag => ({
  name,
  description: `describes ${name}`,
  isBoolean: false,
  isList: false,
  ...more,
});
const command = (name: string, more: Partial<Declarations["commands"][number]> = {}) => ({
  name,
  description: `does ${name}`,
  positionals: [],
  flags: [],
  options: [],
  ...more,
});

const program: Declarations = {
  commands: [
    command("run", {
      positionals: [{ completes: "file" }],
      flags: [
        flag("json", { isBoolean: true, short: "j" }),
        flag("env", { isList: true, short: "e" }),
        flag("keep", { completes: "file" }),
      ],
      options: ["level"],
    }),
    command("logs", { positionals: [{ completes: "job" }] }),
    command("config"),
    command("config check", { flags: [flag("all", { isBoolean: true })] }),
    command("service install"),
    command("help", { positionals: [{ completes: "page" }, { completes: "page" }] }),
  ],
  flags: [flag("level", { completes: ["low", "high"] }), flag("quiet", { isBoolean: true })],
  executors: ["shell"],
  pages: { topics: ["security"], hooks: ["job:start"] },
};

const wordsOf = (...words: string[]) => complete(words, program).candidates.map(({ value }) => value);

describe("a command line is completed", () => {
  test("by the names of commands, word by word", () => {
    expect(wordsOf("")).toEqual(["run", "logs", "config", "service", "help", "--help", "--version"]);
    expect(wordsOf("service", "")).toEqual(["install"]);
    expect(wordsOf("config", "")).toEqual(["check"]);
    expect(wordsOf("unknown", "")).toEqual([]);
  });

  test("by the flags on the help page of the command, each once unless it may be repeated", () => {
    expect(wordsOf("run", "-")).toEqual(["--json", "--env", "--keep", "--level", "--help"]);
    expect(wordsOf("run", "-j", "--env", "A=1", "--level=low", "-")).toEqual(["--env", "--keep", "--help"]);
    expect(wordsOf("config", "check", "")).toEqual(["--all", "--help"]);
  });

  test("by values of flags, also of options that the help page does not have", () => {
    expect(wordsOf("run", "--level", "")).toEqual(["low", "high"]);
    expect(wordsOf("logs", "--level=l")).toEqual(["--level=low", "--level=high"]);
    expect(complete(["run", "--keep", ""], program)).toMatchObject({ values: "file", prefix: "" });
    expect(complete(["run", "--keep=x"], program)).toMatchObject({ values: "file", prefix: "--keep=" });
    expect(complete(["run", "--unknown=x"], program)).toMatchObject({ candidates: [] });
  });

  test("by values of arguments, behind flags with and without values, and behind --", () => {
    expect(complete(["run", "--json", "--env", "A=1", ""], program).values).toBe("file");
    expect(complete(["run", "--quiet", "--", "--"], program).values).toBe("file");
    expect(complete(["logs", "--level", "low", "x"], program).values).toBe("job");
    expect(complete(["logs", "--level", "low", "x"], program).given).toEqual(new Map([["level", "low"]]));
    expect(complete(["logs", "one", "--", ""], program)).toMatchObject({ candidates: [] });
  });

  test("by pages of help", () => {
    expect(wordsOf("help", "")).toEqual([
      "run",
      "logs",
      "config",
      "service",
      "help",
      "topics",
      "hooks",
      "security",
    ]);
    expect(wordsOf("help", "config", "")).toEqual(["check"]);
    expect(wordsOf("help", "hooks", "")).toEqual(["job:start"]);
    expect(wordsOf("help", "toString", "")).toEqual([]);
  });

  test("with the configuration only where plugins could add something", () => {
    const asks = (...words: string[]) => complete(words, program).asksPlugins;
    expect([asks(""), asks("unknown", ""), asks("run", "--")]).toEqual([true, true, true]);
    expect([asks("run", "x"), asks("run", "--level", ""), asks("logs", "--")]).toEqual([false, false, false]);
  });
});

test("words of bash lose their quotes, and nothing is expanded", () => {
  const words = {
    "'a b": "a b",
    '"a\\"b"c': 'a"bc',
    "a\\ b": "a b",
    "$(x)`y`$z": "$(x)`y`$z",
    "'\\'": "\\",
    "a\\": "a",
  };
  for (const [raw, plain] of Object.entries(words)) expect(unquoteBash(raw)).toBe(plain);
});
