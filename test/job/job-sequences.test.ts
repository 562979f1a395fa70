import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { JobCommandMessage } from "../../src/core/contracts/job-command.ts";
import { createJobSequences, maxSequenceBytes, toJobSequence } from "../../src/job/commands/job-sequences.ts";
import { AgentError } from "../../src/core/errors.ts";
import { createTestCalls } from "./command-calls.ts";
import { cutAt } from "./log/fixtures.ts";

const encode = (text: string) => Buffer.from(text).toString("base64");
const sequence = (message: unknown) => `\x1b_signalman;1;${encode(JSON.stringify(message))}\x1b\\`;

/** Filters the pieces of an output, and returns what remains of it with the messages that were executed. */
function filter(pieces: readonly Uint8Array[]): { output: string; messages: JobCommandMessage[] } {
  const messages: JobCommandMessage[] = [];
  const run = (message: JobCommandMessage) => {
    if (message["fails"] === true) throw new AgentError("JOB_REFUSED", "no reason to do that");
    messages.push(message);
  };
  const calls = createTestCalls(new Map([["note", { run }]]));
  const sequences = createJobSequences({ calls, write() {}, answer: () => undefined });
  const parts = pieces.map((piece) => Buffer.from(sequences.push(piece)));
  return { output: Buffer.concat([...parts, sequences.flush()]).toString(), messages };
}

const filterText = (text: string) => filter([Buffer.from(text)]);

test("a message is executed and removed from the output, wherever the output is cut", () => {
  const words = fc.constantFrom(
    "a",
    "\x1b[32mgreen\x1b[0m",
    "\x1b_other\x1b\\",
    "\n",
    "\x1b",
    "\x1b_sig",
    "ż",
  );
  const anyPart = fc.oneof(words, fc.nat(9));
  fc.assert(
    fc.property(fc.array(anyPart), fc.array(fc.nat(500)), (parts, cuts) => {
      const texts = parts.map((part) => (typeof part === "number" ? sequence({ do: "note", part }) : part));
      const bytes = Buffer.from(texts.join(""));
      const { output, messages } = filter(cutAt(bytes, cuts));
      const plain = parts.filter((part) => typeof part === "string").join("");
      expect(output).toBe(plain);
      expect(messages.map(({ part }) => part)).toEqual(parts.filter((part) => typeof part === "number"));
    }),
  );
});

test.each([
  ["another version", "\x1b_signalman;2;e30=\x1b\\", "the job speaks version 1, not 2"],
  ["no JSON", `\x1b_signalman;1;${encode("x")}\x1b\\`, "the message is no JSON object"],
  ["an unknown command", sequence({ do: "toString" }), 'no command "toString" (known: note)'],
  ["a command that throws", sequence({ do: "note", fails: true }), "no reason to do that"],
  ["an end that is missing", "\x1b_signalman;1;e30=", "a message is not closed"],
])("%s is refused with a line in the output", (_, text, why) => {
  expect(filterText(`before${text}`).output).toBe(`before\n[signalman: ${why}]\n`);
});

test("a sequence that is made of a message is executed, and one that would be too long is refused", () => {
  const { output, messages } = filterText(`a${toJobSequence({ do: "note", text: "ż" })}b`);
  expect({ output, messages }).toEqual({ output: "ab", messages: [{ version: 1, do: "note", text: "ż" }] });
  expect(() => toJobSequence({ do: "note", text: "x".repeat(maxSequenceBytes) })).toThrow(
    "longer than 8192 bytes",
  );
});

test("a message that is interrupted by other output is refused, and the other output is kept", () => {
  expect(filterText("\x1b_signalman;1;e3 and more\n").output).toBe(
    "[signalman: a message is not closed]\n and more\n",
  );
});

test("a message that is too long is dropped up to its end, in any pieces", () => {
  const long = `\x1b_signalman;1;${"A".repeat(maxSequenceBytes)}`;
  const refusal = `[signalman: a message is longer than ${maxSequenceBytes} bytes]\n`;
  for (const cuts of [
    [],
    [maxSequenceBytes],
    [maxSequenceBytes, maxSequenceBytes + 13, maxSequenceBytes + 15],
  ]) {
    expect(filter(cutAt(Buffer.from(`${long}AAA\x1b\\after\n`), cuts)).output).toBe(`${refusal}after\n`);
  }
  expect(filterText(`${long}\nafter\n`).output).toContain("after\n");
});
