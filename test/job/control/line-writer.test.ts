import { expect, test } from "bun:test";
import { createLineWriter } from "../../../src/job/control/line-writer.ts";

/** A socket that takes at most `room` bytes. */
function createSocket(room: number) {
  const taken: Uint8Array[] = [];
  const socket = {
    room,
    write(bytes: Uint8Array) {
      const part = bytes.slice(0, socket.room);
      socket.room -= part.length;
      taken.push(part);
      return part.length;
    },
    get text() {
      return Buffer.concat(taken).toString();
    },
  };
  return socket;
}

test("a line that the socket takes in part is completed before the next one", () => {
  const socket = createSocket(5);
  const lines = createLineWriter(socket);
  expect(lines.write({ number: 1 })).toBe(true);
  expect(lines.write({ number: 2 })).toBe(true);
  expect(socket.text).toBe('{"num');
  socket.room = 10;
  lines.drained();
  expect(socket.text).toBe('{"number":1}\n{"');
  socket.room = 100;
  lines.drained();
  expect(socket.text).toBe('{"number":1}\n{"number":2}\n');
  lines.drained();
  expect(socket.text).toBe('{"number":1}\n{"number":2}\n');
});

test("whole lines are dropped while the peer does not read", () => {
  const socket = createSocket(0);
  const lines = createLineWriter(socket);
  const text = "x".repeat(100_000);
  expect([1, 2, 3].map((number) => lines.write({ number, text }))).toEqual([true, true, false]);
  socket.room = 1_000_000;
  lines.drained();
  expect(lines.write({ number: 4 })).toBe(true);
  const numbers = socket.text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).number);
  expect(numbers).toEqual([1, 2, 4]);
});

test("a socket that is closed takes nothing, and no call throws", () => {
  const lines = createLineWriter({ write: () => -1 });
  expect(lines.write({ number: 1 })).toBe(true);
  lines.drained();
});
