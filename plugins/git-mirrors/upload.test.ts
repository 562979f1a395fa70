import { expect, test } from "bun:test";
import { silentLogger } from "signalman/testing";
import { createUses } from "./job/uses.ts";
import { createPacketReader, parsePackets } from "./protocol/packets.ts";
import { listsTags, parseRequest, toFetch } from "./protocol/request.ts";
import { parseTags } from "./protocol/tags.ts";
import { createUpload } from "./protocol/upload.ts";
import { addHeads } from "./store/references.ts";

const line = (text: string): string => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;
const oid = "a".repeat(40);
const request = (...lines: readonly string[]): string =>
  `${line("command=fetch\n")}${line("object-format=sha1")}0001${lines.map((each) => line(`${each}\n`)).join("")}0000`;
const parse = async (text: string) => parseRequest(await parsePackets(Buffer.from(text)));
const noMetrics = { served() {}, saved() {}, filled() {}, passed() {} };

test("a mirror that does not answer makes the origin answer, and its late answer is closed", async () => {
  const uses = createUses(noMetrics, (bytes) => `${bytes} bytes`);
  const { promise, resolve } = Promise.withResolvers<never>();
  const upload = createUpload({
    mirror: { answer: () => promise, stored: async () => {}, settled: async () => {} },
    remote: { url: "", env: {} },
    uses,
    logger: silentLogger,
    waitMs: 20,
    signal: new AbortController().signal,
  });
  expect(await upload.answer(await parse(request(`want ${oid}`, "done")))).toBeUndefined();
  expect(uses.report()).toEqual(["cloned from the origin: it was not ready within 0.02 s"]);
  const closed = Promise.withResolvers<void>();
  resolve({ file: { close: async () => closed.resolve() }, bytes: 1, originBytes: 0, fetchMs: 0 } as never);
  await closed.promise;
});

test("only requests that a mirror understands are fetches", async () => {
  expect(
    toFetch(await parse(request(`want ${oid}`, `want ${oid}`, "deepen 50", "include-tag", "done"))),
  ).toMatchObject({
    wants: [oid],
    includesTags: true,
  });
  for (const odd of [
    "want-ref refs/heads/main",
    "deepen-not refs/heads/x",
    "sideband-all",
    "want zz",
    "filter a\nb",
    "want ../x",
  ])
    expect(toFetch(await parse(request(`want ${oid}`, odd, "done")))).toBeUndefined();
  expect(toFetch(await parse(request("done")))).toBeUndefined();
  expect(toFetch(await parse(request(`want ${oid}`, "done").replace("sha1", "sha2")))).toBeUndefined();
});

test("clients that have something have no answer in common with others", async () => {
  const key = async (...lines: readonly string[]) => toFetch(await parse(request(...lines)))?.key;
  expect(await key(`want ${oid}`, "done")).toBe((await key("done", `want ${oid}`))!);
  expect(await key(`want ${oid}`, "deepen 1", "done")).not.toBe((await key(`want ${oid}`, "done"))!);
  expect(await key(`want ${oid}`, `have ${oid}`, "done")).toBeUndefined();
  expect(await key(`want ${oid}`, `shallow ${oid}`, "done")).toBeUndefined();
});

test.each(["zzzz", "0003", "fff0abc", "00"])("a stream that is not git's is refused: %s", async (text) => {
  await expect(parsePackets(Buffer.from(text))).rejects.toThrow(/^the stream /);
});

test("packets are read whatever the pieces are", async () => {
  const text = `${line("a\n")}0001${line("b".repeat(1000))}0000`;
  const reader = createPacketReader(
    (async function* () {
      for (const byte of Buffer.from(text)) yield Buffer.from([byte]);
    })(),
  );
  const kinds: string[] = [];
  for (let next = await reader.next(); next; next = await reader.next())
    kinds.push(`${next.kind} ${next.raw.length}`);
  expect(kinds).toEqual(["data 6", "delimiter 4", "data 1004", "flush 4"]);
});

test("annotated tags are found in an answer, when the client has asked for all", async () => {
  const [one, two] = ["1".repeat(40), "2".repeat(40)];
  const answer = [
    `${one} HEAD symref-target:refs/heads/main`,
    `${two} refs/tags/v2 peeled:${one}`,
    `${one} refs/tags/light`,
    `${one} refs/heads/tags/x`,
  ];
  expect(
    parseTags(await parsePackets(Buffer.from(answer.map((each) => line(`${each}\n`)).join("")))),
  ).toEqual([{ object: two, peeled: one }]);
  const lists = async (...lines: readonly string[]) => listsTags(await parse(request(...lines)));
  expect(await lists("peel", "ref-prefix refs/heads/", "ref-prefix refs/tags/")).toBe(true);
  expect(await lists("peel")).toBe(true);
  expect(await lists("ref-prefix refs/tags/")).toBe(false);
  expect(await lists("peel", "ref-prefix refs/tags/v1")).toBe(false);
});

test("heads do not grow without end", () => {
  const many = Array.from({ length: 20_000 }, (_, index) => `${index}`);
  expect(addHeads(new Set(many), ["a", "b"])).toEqual(new Set(["a", "b"]));
  expect(addHeads(new Set(["a"]), ["a", "b"])).toEqual(new Set(["a", "b"]));
});
