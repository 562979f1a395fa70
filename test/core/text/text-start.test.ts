import { expect, test } from "bun:test";
import { createTextStart } from "signalman";
import { readOutput } from "../../../src/os/processes/program-output.ts";

test("the start of a text is kept, and its rest is dropped", () => {
  const start = createTextStart(4);
  start.add("ab");
  expect([start.text, start.isCut]).toEqual(["ab", false]);
  start.add(Buffer.from("cd"));
  expect([start.text, start.isCut]).toEqual(["abcd", false]);
  start.add("ef");
  expect([start.text, start.isCut]).toEqual(["abcd", true]);
});

test("a character in two pieces is whole, and one that the limit cuts is left out", () => {
  const start = createTextStart(5);
  for (const byte of Buffer.from("a€€")) start.add(Uint8Array.of(byte));
  expect([start.text, start.isCut]).toEqual(["a€", true]);
});

test("an incomplete character at the end of a whole text is replaced", () => {
  const start = createTextStart(5);
  start.add(Buffer.from("a€").subarray(0, 3));
  expect([start.text, start.isCut]).toEqual(["a\ufffd", false]);
});

test("one large piece is cut at the limit, in bytes", () => {
  const start = createTextStart(10);
  start.add("ü".repeat(1024));
  expect([start.text, start.isCut]).toEqual(["ü".repeat(5), true]);
});

test("a buffer that its owner uses again changes nothing", () => {
  const start = createTextStart(10);
  for (const bytes of [Buffer.from("ab"), new Uint8Array([0x61, 0x62])]) {
    start.add(bytes);
    bytes.fill(0x78);
  }
  expect(start.text).toBe("abab");
});

test("the output of a program is read up to the limit, and the program is not waited for", async () => {
  const program = Bun.spawn(["yes", "€"], { stdout: "pipe", stderr: "ignore" });
  expect(await readOutput(program.stdout, 10)).toEqual({
    text: "€\n€\n",
    fault: "it is larger than 10 bytes",
  });
  await program.exited;
});
