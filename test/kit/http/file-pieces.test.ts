import { describe, expect, test } from "bun:test";
import { open, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import {
  type Exchange,
  type FilePiece,
  type HttpServerOptions,
  openHttpServer,
  type Pieces,
} from "../../../src/http.ts";
import { createCertificate } from "../../../plugins/serve/testing/certificate.ts";
import { createRecordingLogger, tmpdir } from "../../../src/testing/index.ts";

const content = crypto.getRandomValues(Buffer.alloc(65_536 * 400));
for (let at = 0; at < content.length; at += 65_536) content.writeUInt32LE(at, at);

/** A server whose answers are made of parts of one file. */
async function openScene(
  answer: (exchange: Exchange, part: (start: number, end: number) => FilePiece) => Promise<unknown>,
  tls?: HttpServerOptions["tls"],
) {
  const stack = new AsyncDisposableStack();
  const tmp = stack.use(await tmpdir());
  const path = join(tmp.path, "content");
  await writeFile(path, content);
  const file = stack.use(await open(path));
  const logger = createRecordingLogger();
  const server = stack.use(
    await openHttpServer(
      {
        address: { kind: "tcp", host: "127.0.0.1", port: 0 },
        option: "--listen",
        limits: { connections: 8, requestMs: 60_000, idleMs: 60_000, stallMs: 60_000 },
        logger,
        ...(tls && { tls }),
      },
      (exchange) => answer(exchange, (start, end) => ({ file, start, end })),
    ),
  );
  return { server, logger, file, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

const whole = { "Content-Length": String(content.length) };

describe("parts of a file arrive in their order", () => {
  test.each<[string, Record<string, string>, (part: (start: number, end: number) => FilePiece) => Pieces]>([
    ["alone", whole, (part) => [part(0, content.length)]],
    [
      "between bytes",
      whole,
      (part) => [
        content.subarray(0, 300_000),
        part(300_000, 900_000),
        part(900_000, 900_000),
        content.subarray(900_000, 900_001),
        part(900_001, content.length - 7),
        content.subarray(-7),
      ],
    ],
    ["of an answer in chunks", {}, (part) => [part(0, 1000), part(1000, content.length)]],
  ])("%s", async (_, headers, toPieces) => {
    await using at = await openScene((exchange, part) => exchange.stream(200, toPieces(part), headers));
    const answers = await Promise.all(
      Array.from({ length: 4 }, async (_each, index) => {
        const received: Buffer[] = [];
        for await (const bytes of (await fetch(at.server.url)).body!) {
          received.push(Buffer.from(bytes));
          if (received.length < index * 40) await Bun.sleep(1);
        }
        return Buffer.concat(received).equals(content);
      }),
    );
    expect(answers).toEqual([true, true, true, true]);
  });
});

test("parts of a file are encrypted as all else", async () => {
  const tls = createCertificate();
  await using at = await openScene(
    (exchange, part) => exchange.stream(200, [part(0, content.length)], whole),
    tls,
  );
  const answer = await fetch(at.server.url, { tls: { ca: tls.cert } });
  expect(Buffer.from(await answer.bytes()).equals(content)).toBe(true);
});

test("an answer to HEAD has none of a file's bytes", async () => {
  await using at = await openScene((exchange, part) =>
    exchange.stream(200, [part(0, 1000)], { "Content-Length": "1000" }),
  );
  for (const _ of [1, 2]) expect((await fetch(at.server.url, { method: "HEAD" })).status).toBe(200);
  expect(await (await fetch(at.server.url)).bytes()).toEqual(new Uint8Array(content.subarray(0, 1000)));
});

test("a file that ends too early, and a part that is none, close the connection", async () => {
  const wrong: Pieces[] = [];
  await using at = await openScene((exchange, part) =>
    exchange.stream(200, wrong.pop() ?? [part(0, content.length + 1)], { "Content-Length": "99999999" }),
  );
  const read = async () => (await fetch(at.server.url)).bytes();
  await expect(read()).rejects.toThrow();
  for (const piece of [
    { file: at.file, start: 5, end: 4 },
    { file: at.file, start: 0, end: 0.5 },
    { start: 0, end: 1 },
    7,
  ]) {
    wrong.push([piece as FilePiece]);
    await expect(read()).rejects.toThrow();
  }
  expect(at.logger.entries.map(({ message }) => message)).toEqual([
    "GET / failed: a file ends before the part of it that is to be sent",
    "GET / failed: a piece of an answer must be a string, a Uint8Array or { file, start, end }, not an object",
    "GET / failed: a piece of an answer must be a string, a Uint8Array or { file, start, end }, not 7",
  ]);
});

test("a client that leaves in the middle of a file stops its answer only", async () => {
  const outcome = Promise.withResolvers<boolean>();
  await using at = await openScene((exchange, part) => {
    const sent = exchange.stream(200, [part(0, content.length)], whole);
    if (exchange.path === "/silent") void sent.then(outcome.resolve, outcome.reject);
    return sent;
  });
  const socket = connect({ port: at.server.port, host: "127.0.0.1" });
  socket.pause();
  socket.write("GET /silent HTTP/1.1\r\nHost: localhost\r\n\r\n");
  socket.on("error", () => {});
  expect((await (await fetch(at.server.url)).bytes()).length).toBe(content.length);
  socket.destroy();
  expect(await outcome.promise).toBe(false);
});

test("the next request may be sent as soon as the last byte of an answer has arrived", async () => {
  const [size, count] = [300_000, 200];
  await using at = await openScene((exchange, part) =>
    exchange.stream(
      200,
      (async function* () {
        yield exchange.path === "/file" ? part(0, size) : content.subarray(0, size);
        // What follows takes time, such as closing a file.
        await Bun.sleep(1);
      })(),
      { "Content-Length": String(size) },
    ),
  );
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ port: at.server.port, host: "127.0.0.1" });
  let answers = 0;
  let received = Buffer.alloc(0);
  const ask = () =>
    socket.write(`GET ${answers % 2 === 0 ? "/file" : "/bytes"} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  socket.on("connect", ask);
  socket.on("error", reject);
  socket.on("close", () => reject(new Error(`the connection was closed after ${answers} answers`)));
  socket.on("data", (bytes) => {
    received = Buffer.concat([received, Buffer.from(bytes)]);
    const body = received.indexOf("\r\n\r\n") + 4;
    if (body < 4 || received.length < body + size) return;
    answers += 1;
    received = Buffer.alloc(0);
    if (answers === count) resolve();
    else ask();
  });
  await promise;
  socket.destroy();
});
