import { describe, expect, test } from "bun:test";
import { isAgentError } from "../../src/core/errors.ts";
import { toJobRequest } from "../../src/job/request/parse.ts";
import { selectCommands } from "../../src/job/request/select.ts";

const { request } = toJobRequest({
  commands: [
    "checkout",
    "npm ci",
    { directive: "npm test", alias: "Unit tests" },
    { directive: "npm test -- --e2e", alias: "" },
    "make\nmake install",
    "echo '\u001b]0;owned\u0007'",
  ],
  epilogue_always_commands: ["bye"],
  epilogue_on_pass_commands: ["passed"],
  epilogue_on_fail_commands: ["failed"],
});

function chosen(options: { from?: string; only?: string }): string[] {
  return selectCommands(request, options).commands.map(({ directive }) => directive);
}

function refusal(options: { from?: string; only?: string }, job = request): string {
  try {
    selectCommands(job, options);
  } catch (error) {
    if (isAgentError(error, "USAGE_INVALID")) return error.message;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("a command is found by", () => {
  test.each([
    ["its number", "2", "npm ci"],
    ["its directive, although another begins with it", "npm test", "npm test"],
    ["its alias", "Unit tests", "npm test"],
    ["a beginning that no other has", "check", "checkout"],
    ["a beginning of its alias", "Unit", "npm test"],
    ["a part that no other has", "--e2e", "npm test -- --e2e"],
  ])("%s", (_how, only, directive) => {
    expect(chosen({ only })).toEqual([directive]);
  });
});

test("--only runs no epilogues", () => {
  const { epilogueAlways, epilogueOnPass, epilogueOnFail } = selectCommands(request, { only: "1" });
  expect([epilogueAlways, epilogueOnPass, epilogueOnFail]).toEqual([[], [], []]);
});

test("--from keeps what follows and the epilogues", () => {
  expect(chosen({ from: "--e2e" })).toEqual([
    "npm test -- --e2e",
    "make\nmake install",
    "echo '\u001b]0;owned\u0007'",
  ]);
  expect(selectCommands(request, { from: "3" }).epilogueAlways).toEqual(request.epilogueAlways);
});

test("without either option the job is unchanged", () => {
  expect(selectCommands(request, {})).toBe(request);
});

test("an ambiguous name is rejected with the matching commands and their numbers", () => {
  const message = refusal({ only: "npm" });
  expect(message).toContain('"--only npm" fits several commands');
  expect(message).toMatch(/2 {2}npm ci\n.*3 {2}Unit tests \(npm test\)\n.*4 {2}npm test -- --e2e$/);
  expect(message).not.toContain("checkout");
});

test("an unknown name is rejected with all commands, one per line, without control characters", () => {
  const message = refusal({ from: "nothing of it" });
  expect(message.split("\n")).toHaveLength(7);
  expect(message).toContain("5  make ⏎ make install");
  expect(message).not.toContain("\u001b");
});

test.each(["0", "7", "", "  "])("%j names no command", (only) => {
  expect(refusal({ only })).toContain("fits no command");
});

test("both options at once and a job without commands are rejected", () => {
  expect(refusal({ from: "1", only: "1" })).toContain("exclude each other");
  expect(refusal({ only: "1" }, toJobRequest({ commands: [] }).request)).toContain("no commands");
});
