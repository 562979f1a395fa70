import { describe, expect, test } from "bun:test";
import { type Exchange, openHttpServer } from "../../../src/http.ts";
import { createRecordingLogger } from "../../../src/testing/index.ts";

const limits = { connections: 8, bodyBytes: 1024, requestMs: 60_000, idleMs: 60_000 };

/** A server with this handler, which need not have the right type. */
async function open(handle: (exchange: Exchange) => unknown) {
  const logger = createRecordingLogger();
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const options = { address, option: "--listen", limits, logger };
  const server = await openHttpServer(options, handle as (exchange: Exchange) => Promise<unknown>);
  return {
    get: (path = "/a", options?: RequestInit) => fetch(`${server.url}${path}`, options),
    messages: () => logger.entries.map(({ level, message }) => `${level} ${message}`),
    [Symbol.asyncDispose]: server.close,
  };
}

const fail = (message = "boom"): never => {
  throw new Error(message);
};

const unanswered = "the handler has returned without an answer: call send, stream or drop, and await it";

describe("the client gets 500, and the log the error, of a handler", () => {
  test.each<[string, (exchange: Exchange) => unknown, string]>([
    ["that rejects", async () => fail(), "boom"],
    ["that throws at once", () => fail(), "boom"],
    ["that throws no error", () => Promise.reject("boom"), "boom"],
    ["that returns without an answer", async () => {}, unanswered],
    ["that returns no promise", () => {}, unanswered],
    [
      "whose status is no number",
      (exchange) => exchange.send("200" as never, "yes"),
      'the status of an answer must be a number from 200 to 599, not "200"',
    ],
    [
      "whose status is none of an answer",
      (exchange) => exchange.stream(99, [], {}),
      "the status of an answer must be a number from 200 to 599, not 99",
    ],
    [
      "whose text is an object",
      (exchange) => exchange.send(200, {} as never),
      "the text of an answer must be a string, not an object",
    ],
  ])("%s", async (_, handle, message) => {
    await using server = await open(handle);
    const answer = await server.get();
    expect([answer.status, await answer.text()]).toEqual([500, "internal error, see the log of the agent\n"]);
    expect(server.messages()).toEqual([`error GET /a failed: ${message}`]);
  });

  test("whose headers are invalid", async () => {
    await using server = await open((exchange) => exchange.send(200, "yes", { "X-A": "a\r\nb" }));
    expect((await server.get()).status).toBe(500);
    expect(server.messages()).toHaveLength(1);
  });
});

describe("the connection is closed, and the error logged, when the answer has begun", () => {
  test.each<[string, (exchange: Exchange) => unknown, string]>([
    [
      "and a piece cannot be produced",
      (exchange) =>
        exchange.stream(
          200,
          (function* () {
            yield "first";
            fail();
          })(),
          {},
        ),
      "boom",
    ],
    [
      "and a piece is none",
      (exchange) => exchange.stream(200, ["first", 7 as never], {}),
      "a piece of an answer must be a string, a Uint8Array or { file, start, end }, not 7",
    ],
    ["and the pieces are none", (exchange) => exchange.stream(200, 7 as never, {}), "iterable"],
  ])("%s", async (_, handle, message) => {
    await using server = await open(handle);
    await expect(server.get().then((answer) => answer.text())).rejects.toThrow();
    expect(server.messages().join("\n")).toMatch(new RegExp(`^error GET /a failed: .*${message}`));
  });

  test("and the handler answers twice", async () => {
    const closed = Promise.withResolvers<boolean>();
    await using server = await open(async (exchange) => {
      void exchange.stream(200, waitFor(exchange), {});
      void exchange.closed.then(closed.resolve);
      await exchange.send(200, "again");
    });
    await expect(server.get().then((answer) => answer.text())).rejects.toThrow();
    expect(await closed.promise).toBe(false);
    expect(server.messages()).toEqual(["error GET /a failed: the request is answered already"]);
  });
});

async function* waitFor(exchange: Exchange): AsyncGenerator<string> {
  yield "first";
  await exchange.closed;
}

test("a failed stream that the handler does not await closes the connection too", async () => {
  const failed = Promise.withResolvers<unknown>();
  await using server = await open(async (exchange) => {
    exchange.stream(200, [7 as never], {}).catch(failed.resolve);
  });
  await expect(server.get().then((answer) => answer.text())).rejects.toThrow();
  expect(await failed.promise).toBeInstanceOf(Error);
});

test("each message is logged once, and at most 100 of them", async () => {
  await using server = await open(async ({ path }) => fail(path));
  for (const path of ["/a", "/a", "/b"]) await server.get(path);
  expect(server.messages()).toEqual(["error GET /a failed: /a", "error GET /b failed: /b"]);
  for (let index = 0; index < 120; index += 1) await server.get(`/${index}`);
  expect(server.messages()).toHaveLength(101);
  expect(server.messages().at(-1)).toEndWith("; further errors of this server are not logged");
});

test("a client that leaves is no error, and an error after it has left is one", async () => {
  const [begun, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using server = await open(async (exchange) => {
    if (exchange.path === "/next") return exchange.send(200, "next");
    begun.resolve();
    try {
      if (exchange.method === "POST") return await exchange.body();
      await exchange.closed;
      throw exchange.path === "/abort" ? new DOMException("left", "AbortError") : new Error("boom");
    } finally {
      left.resolve();
    }
  });
  const leave = async (path: string, options?: RequestInit) => {
    [begun, left].forEach((each) => Object.assign(each, Promise.withResolvers<void>()));
    const client = new AbortController();
    const answer = server.get(path, { ...options, signal: client.signal }).catch(() => {});
    await begun.promise;
    client.abort();
    await answer;
    await left.promise;
    await server.get("/next");
  };
  await leave("/body", { method: "POST", body: new ReadableStream({ pull: () => new Promise(() => {}) }) });
  await leave("/abort");
  expect(server.messages()).toEqual([]);
  await leave("/a");
  expect(server.messages()).toEqual(["error GET /a failed: boom"]);
});
