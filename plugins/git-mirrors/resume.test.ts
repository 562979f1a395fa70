import { describe, expect, test } from "bun:test";
import { readPack } from "./protocol/pack.ts";
import { createPacketReader, type PacketReader } from "./protocol/packets.ts";
import { createResumingReader } from "./protocol/resume.ts";

const line = (text: string): string => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;

describe("an answer that stops in the pack", () => {
  const silent = () => new Promise<void>(() => {});
  const toReader = (texts: readonly string[], end = async () => {}): PacketReader =>
    createPacketReader(
      (async function* () {
        for (const text of texts) yield Buffer.from(text);
        await end();
      })(),
    );
  const pack = (text: string): string => line(`\x01${text}`);
  const readAll = async (first: PacketReader, second: readonly string[]): Promise<string> => {
    const reader = createResumingReader(first, async () => toReader(second), 50);
    let text = "";
    for await (const piece of readPack(reader, async () => {})) text += piece.toString();
    return text;
  };
  const start = [line("packfile\n"), line("\x02counting"), pack("abc"), pack("def")];

  test.each([
    ["for too long", toReader(start, silent)],
    ["at its end", toReader(start)],
    ["within a packet", toReader([...start, pack("ghi").slice(0, 6)])],
    ["with an error", toReader(start, () => Promise.reject(new Error("reset")))],
  ])("%s is continued from a second one with the same bytes", async (_, first) => {
    expect(await readAll(first, [line("packfile\n"), pack("abcd"), pack("efg"), pack("hi"), "0000"])).toBe(
      "abcdefghi",
    );
  });

  test.each([
    ["other bytes", [pack("abcx"), pack("efg"), "0000"]],
    ["fewer bytes", [pack("abc"), "0000"]],
  ])("fails when a second one has %s", async (_, second) => {
    await expect(readAll(toReader(start), second)).rejects.toThrow("a second one was different");
  });

  test("is continued once", async () => {
    await expect(readAll(toReader(start), [pack("abcdefg")])).rejects.toThrow("the answer is not whole");
  });
});
