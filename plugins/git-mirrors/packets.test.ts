import { expect, test } from "bun:test";
import { createPacketReader, toText } from "./protocol/packets.ts";

async function* pieces(texts: readonly string[], isHanging = false): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
  if (isHanging) await Promise.withResolvers<void>().promise;
}

test("packets are read from pieces of any size", async () => {
  const reader = createPacketReader(pieces([..."000bcommand00000001000500"].slice(0, -2)));
  const first = await reader.next();
  expect([first!.kind, toText(first!)]).toEqual(["data", "command"]);
  expect((await reader.next())!.kind).toBe("flush");
  expect((await reader.next())!.kind).toBe("delimiter");
  await expect(reader.next()).rejects.toThrow("the stream ends within a packet");
});

test("the end between two packets is no error", async () => {
  const reader = createPacketReader(pieces(["0005a"]));
  await reader.next();
  expect(await reader.next()).toBeUndefined();
});

test.each([
  ["zzzz", "the stream is not one of git packets"],
  ["0003", "the stream is not one of git packets"],
  ["12", "the stream ends within a packet"],
])("a stream of %p is refused: %s", async (text, message) => {
  await expect(createPacketReader(pieces([text])).next()).rejects.toThrow(message);
});

test("a stream that stops within a packet is given up, and one that waits between two is not", async () => {
  const stopped = createPacketReader(pieces(["0014command=fetch\n"], true), 20);
  await expect(stopped.next()).rejects.toThrow("the stream stops within a packet");
  const waiting = createPacketReader(pieces(["0000"], true), 20);
  await waiting.next();
  const next = waiting.next().then(() => "ended");
  expect(await Promise.race([next, Bun.sleep(100).then(() => "waits")])).toBe("waits");
});
