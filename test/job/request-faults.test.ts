import { expect, test } from "bun:test";
import { AgentError } from "../../src/core/errors.ts";
import { parseJobRequest } from "../../src/job/request/parse.ts";

/** Returns the message of the `JOB_INVALID` error for a text. */
async function fault(text: string): Promise<string> {
  const error = await parseJobRequest(text, { name: "job.yaml" }).catch((error: unknown) => error);
  if (error instanceof AgentError && error.code === "JOB_INVALID") return error.message;
  throw new Error("the text was not refused as a job", { cause: error });
}

test.each([
  ["an empty file", " \n", '"job.yaml" is empty'],
  ["a comment", "# nothing\n", "got nothing"],
  ["a NUL character", "commands: ['\0']", "contains a NUL character"],
  ["a list", "- make", 'expected a mapping with "commands", got a list'],
  ["a JSON list", "[]", 'expected a mapping with "commands", got a list'],
  ["a text", "make", "got text"],
  ["a number", "42", "got a number"],
  ["a pipeline", "version: v1.0\nblocks: []", "is a Semaphore pipeline, not a job"],
  ["a job without commands", "name: x", "commands: missing"],
  ["a misspelt key", "command: [make]", "commands: missing (not known here: command)"],
  [
    "a number as a directive",
    "commands:\n  - a\n  - b\n  - directive: 3\n",
    "job.yaml:4:16: commands[2].directive: expected text, got a number",
  ],
  [
    "the same in JSON",
    '{"commands":\n[{"directive": 3}]}',
    "job.yaml:2:16: commands[0].directive: expected text, got a number",
  ],
  ["a list as a command", "commands: [[a]]", "1:12: commands[0]: expected text, got a list"],
  ["no command at all", "commands: [~]", "commands[0]: expected text, got nothing"],
  [
    "a colon in a command",
    "commands:\n  - echo a: b",
    'commands[0].directive: missing (a command that has ": " in it',
  ],
  ["commands that are text", "commands: make", "commands: expected a list, got text"],
  [
    "variables as a list",
    "commands: []\nenv: [A=b]",
    "env: expected a mapping of names to texts, got a list",
  ],
  ["a variable that is a list", "commands: []\nenv: {A: [b]}", "2:10: env.A: expected text, got a list"],
  ["a variable of a strange name", "commands: []\nenv: {a b: [c]}", 'env["a b"]: expected text, got a list'],
  [
    "a plain number on the wire",
    "commands: []\nenv_vars: [{name: A, value: 1}]",
    "env_vars[0].value: expected text, got a number",
  ],
  ["a file without a path", "commands: []\nfiles: [{text: a}]", "files[0].path: missing"],
  [
    "a file without content",
    "commands: []\nfiles: [{path: a}]",
    'files[0]: expected "text", or "content" in base64',
  ],
  [
    "a file with two contents",
    "commands: []\nfiles: [{path: a, text: b, content: Yg==}]",
    "exclude each other",
  ],
  [
    "a mode that is not octal",
    "commands: []\nfiles: [{path: a, text: b, mode: 0689}]",
    "2:34: files[0].mode: expected octal digits",
  ],
  [
    "a mode in words",
    "commands: []\nfiles: [{path: a, text: b, mode: rw}]",
    "files[0].mode: expected octal digits",
  ],
  ["an id that leaves its directory", "commands: []\nid: ../../etc", "id: expected letters, digits"],
  ["compose as a list", "commands: []\ncompose: []", "compose: expected a mapping, got a list"],
  [
    "a container without an image",
    "commands: []\ncompose: {containers: [{name: a}]}",
    "compose.containers[0].image: missing",
  ],
  ["a tab", "commands:\n\t- make", "job.yaml:2:1: tabs are not allowed in the indentation"],
  ["a key that stands twice", "commands: []\nenv: {}\ncommands: []", "job.yaml:3:1: duplicate key"],
  ["two documents", "commands: []\n---\ncommands: []", "a second document begins here"],
  ["two colons on a line", "name: a: b\ncommands: []", "job.yaml:1:7: a second key on one line"],
  ["an open quote", "name: 'a\ncommands: []", "is neither JSON nor YAML"],
  ["broken JSON", '{"commands": [}', "job.yaml:1:15"],
  ["an alias without an anchor", "commands: *x", "is not usable YAML: "],
  ["a file that contains itself", "commands: &c [*c]", "commands[0]: expected text, got a list"],
  ["brackets without end", "[".repeat(1_000_000), "nested more than 64 levels deep"],
  ["dashes without end", "- ".repeat(1_000_000), "nested more than 64 levels deep"],
  ["a million elements", "a\n: b\n".repeat(250_000), "too many for YAML"],
])("%s is refused with its position and the expected value", async (_what, text, message) => {
  expect(await fault(text)).toContain(message);
});

test("an alias bomb is rejected without being expanded", async () => {
  const levels = ["a: &a [x,x,x,x,x,x,x,x,x]"];
  for (const [from, to] of ["ab", "bc", "cd", "de", "ef"])
    levels.push(`${to}: &${to} [${Array(9).fill(`*${from}`).join()}]`);
  expect(await fault(levels.join("\n"))).toContain("its aliases expand to far too much");
});

test("all errors are reported at once, in the order of the file", async () => {
  expect(await fault("env: {A: []}\nfiles:\n  - path: 1\n    text: x\ncommands:\n  - [a]\nid: ..\n")).toBe(
    [
      '"job.yaml" is not a job request:',
      "  job.yaml:1:10: env.A: expected text, got a list",
      "  job.yaml:3:11: files[0].path: expected text, got a number",
      "  job.yaml:6:5: commands[0]: expected text, got a list",
      '  job.yaml:7:5: id: expected letters, digits, ".", "_" and "-", at most 100 of them, a letter or digit first',
    ].join("\n"),
  );
});

test("of many errors the first twenty are reported, with the number of further ones", async () => {
  const lines = (await fault(`commands:\n${"  - []\n".repeat(500)}`)).split("\n");
  expect(lines).toHaveLength(22);
  expect(lines.at(-1)).toBe("  and 480 more");
});

test.each([
  [
    "a fault of a job",
    'env: {A: [hunter2], B: "hunter2"}\nfiles: [{path: p, text: hunter2, content: hunter2, mode: hunter2}]\ncommands: [[hunter2]]',
  ],
  ["text after a value", 'env:\n  A: "x" hunter2\ncommands: []'],
  ["a wrong indentation", "env:\n  A: |\n    hunter2\n   hunter2\ncommands: []"],
  ["a wrong escape", 'env: {A: "\\qhunter2"}\ncommands: []'],
  ["a stray bracket", "env: {A: hunter2}}hunter2\ncommands: []"],
  ["an unknown tag", "env: {A: !hunter2 [hunter2]}\ncommands: []"],
])("%s is reported without the values that stand there", async (_what, text) => {
  expect(await fault(text)).not.toContain("hunter2");
});
