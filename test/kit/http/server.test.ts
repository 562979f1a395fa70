import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type Exchange, type HttpServerOptions, isSameToken, openHttpServer } from "../../../src/http.ts";
import { silentLogger, tmpdir } from "../../../src/testing/index.ts";

const limits = { connections: 8, bodyBytes: 1024, requestMs: 5000, idleMs: 5000 };

/** Opens a server whose handler answers "yes" by default. */
function open(
  handle: (exchange: Exchange) => Promise<unknown> = (exchange) => exchange.send(200, "yes"),
  { limits: changed, ...options }: Partial<HttpServerOptions> = {},
) {
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const all = { ...limits, ...changed };
  return openHttpServer(
    { address, option: "--listen", logger: silentLogger, ...options, limits: all },
    handle,
  );
}

/** A client of bytes. `answer` resolves to all that it has received when the server closes the connection. */
async function dial(port: number, text = "") {
  const answer = Promise.withResolvers<string>();
  let received = "";
  const socket = await new Promise<Socket>((resolve) => {
    const opened = connect({ port, host: "127.0.0.1" }, () => resolve(opened));
  });
  socket.on("data", (bytes) => (received += bytes.toString()));
  socket.on("error", () => {});
  socket.on("close", () => answer.resolve(received));
  if (text !== "") socket.write(text);
  return { socket, answer: answer.promise };
}

const send = async (port: number, text: string) => (await dial(port, text)).answer;
const statusOf = (answer: string) => Number(answer.split(" ")[1]);
const head = (lines: string, method = "GET") => `${method} / HTTP/1.1\r\n${lines}\r\n\r\n`;

test.each([
  ["/a/b?c=1?&d", "/a/b", "1?"],
  ["http://localhost:80/a/b?c=2", "/a/b", "2"],
  ["http://localhost?c=3", "/", "3"],
])("the target %s has the path %s", async (target, path, c) => {
  await using server = await open((exchange) =>
    exchange.send(200, `${exchange.path} ${exchange.query.get("c")}`),
  );
  const request = `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  expect(await send(server.port, request)).toEndWith(`\r\n\r\n${path} ${c}`);
});

describe("a body", () => {
  const measure = async (exchange: Exchange) => {
    const body = await exchange.body();
    return exchange.send(body === undefined ? 413 : 200, String(body?.length));
  };

  test.each([
    ["announced", "Content-Length: 1025\r\n\r\n"],
    ["in chunks", `Transfer-Encoding: chunked\r\n\r\n800\r\n${"x".repeat(2048)}\r\n`],
  ])("over the limit that is %s is not collected, and the connection is closed", async (_, rest) => {
    await using server = await open(measure);
    const answer = await send(server.port, `POST / HTTP/1.1\r\nHost: localhost\r\n${rest}`);
    expect([statusOf(answer), answer]).toEqual([413, expect.stringContaining("Connection: close")]);
  });

  test("of exactly the limit is read", async () => {
    await using server = await open(measure);
    const answer = await fetch(server.url, { method: "POST", body: "x".repeat(1024) });
    expect([answer.status, await answer.text()]).toEqual([200, "1024"]);
  });

  test("that arrives too slowly ends the connection, however often a byte comes", async () => {
    const failed = Promise.withResolvers<unknown>();
    await using server = await open((exchange) => exchange.body().catch(failed.resolve), {
      limits: { ...limits, requestMs: 300 },
    });
    const { socket, answer } = await dial(
      server.port,
      head("Host: localhost\r\nContent-Length: 100", "POST"),
    );
    const trickle = setInterval(() => socket.write("x"), 50);
    expect(await answer).toBe("");
    clearInterval(trickle);
    expect(await failed.promise).toEqual(new Error("the client closed the connection"));
  });

  test("that the handler does not read is not taken for the next request", async () => {
    let requests = 0;
    await using server = await open((exchange) => {
      requests += 1;
      return exchange.send(200, "unread");
    });
    const inner = head("Host: localhost");
    const answer = await send(
      server.port,
      head(`Host: localhost\r\nContent-Length: ${inner.length}`, "POST") + inner,
    );
    expect([answer.split("HTTP/1.1").length - 1, requests]).toEqual([1, 1]);
  });
});

describe("a body that is read by pieces", () => {
  const count = async (exchange: Exchange) => {
    let bytes = 0;
    for await (const piece of exchange.bodyPieces()) bytes += piece.length;
    return exchange.send(200, String(bytes));
  };

  test.each([
    ["of a known length", {}],
    ["in chunks", { "Transfer-Encoding": "chunked" }],
    ["that waits for an invitation", { Expect: "100-continue" }],
  ])("%s is whole, however large it is", async (_, headers) => {
    await using server = await open(count);
    const body = new ReadableStream({
      start(controller) {
        for (let n = 0; n < 40; n++) controller.enqueue(Buffer.alloc(256 * 1024));
        controller.close();
      },
    });
    const isChunked = "Transfer-Encoding" in headers;
    const answer = await fetch(server.url, {
      method: "PUT",
      body: isChunked ? body : Buffer.alloc(40 * 256 * 1024),
      headers,
    });
    expect(await answer.text()).toBe(String(40 * 256 * 1024));
  });

  test("is not read ahead of its reader", async () => {
    const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using server = await open(async (exchange) => {
      const pieces = exchange.bodyPieces();
      let bytes = (await pieces.next()).value!.length;
      begun.resolve();
      await goOn.promise;
      for await (const piece of pieces) bytes += piece.length;
      return exchange.send(200, String(bytes));
    });
    const total = 64 * 1024 * 1024;
    const { socket, answer } = await dial(
      server.port,
      head(`Host: localhost\r\nConnection: close\r\nContent-Length: ${total}`, "PUT"),
    );
    let written = 0;
    const piece = Buffer.alloc(1024 * 1024);
    const write = (): void => {
      for (let isOpen = true; isOpen && written < total; written += piece.length)
        isOpen = socket.write(piece);
      socket.once("drain", write);
    };
    write();
    await begun.promise;
    // The kernel's buffers fill, and then the client can write no more.
    let before = -1;
    while (before !== written) {
      before = written;
      await Bun.sleep(500);
    }
    expect(written).toBeLessThan(total / 2);
    goOn.resolve();
    expect(await answer).toEndWith(String(total));
  });

  test("ends with an error when the client goes away, or sends too slowly", async () => {
    const failed = Promise.withResolvers<unknown>();
    await using server = await open((exchange) => count(exchange).catch(failed.resolve), {
      limits: { ...limits, requestMs: 300, bodyRate: 1024 },
    });
    const { socket, answer } = await dial(
      server.port,
      head("Host: localhost\r\nContent-Length: 10000000000", "PUT"),
    );
    const trickle = setInterval(() => socket.write("x"), 20);
    expect(await answer).toBe("");
    clearInterval(trickle);
    expect(await failed.promise).toEqual(
      new Error("the client closed the connection, or sent its body too slowly"),
    );
  });

  test("may take longer than a request when its pace is enough", async () => {
    await using server = await open(count, { limits: { ...limits, requestMs: 1000, bodyRate: 1000 } });
    const { socket, answer } = await dial(
      server.port,
      head("Host: localhost\r\nConnection: close\r\nContent-Length: 50000", "PUT"),
    );
    for (let n = 0; n < 25; n++) {
      socket.write("x".repeat(2000));
      await Bun.sleep(100);
    }
    expect(await answer).toEndWith("50000");
  });

  test("that its reader leaves is not taken for the next request", async () => {
    let requests = 0;
    await using server = await open(async (exchange) => {
      requests += 1;
      for await (const _ of exchange.bodyPieces()) break;
      return exchange.send(200, "left");
    });
    const inner = head("Host: localhost").repeat(100);
    const answer = await send(
      server.port,
      head(`Host: localhost\r\nContent-Length: ${inner.length}`, "POST") + inner,
    );
    expect([answer.split("HTTP/1.1").length - 1, requests]).toEqual([1, 1]);
  });
});

describe("a stream", () => {
  const endless = (onEnd: () => void) =>
    (function* () {
      try {
        for (;;) yield Buffer.alloc(256 * 1024);
      } finally {
        onEnd();
      }
    })();

  test("is produced at the pace of its reader, and one that stops reading is disconnected", async () => {
    const outcome = Promise.withResolvers<boolean>();
    let isEnded = false;
    await using server = await open(
      (exchange) =>
        exchange
          .stream(
            200,
            endless(() => (isEnded = true)),
            {},
          )
          .then(outcome.resolve),
      { limits: { ...limits, stallMs: 200 } },
    );
    const { socket } = await dial(server.port, head("Host: localhost"));
    socket.pause();
    expect([await outcome.promise, isEnded]).toEqual([false, true]);
    socket.destroy();
  });

  test("reaches a slow reader that goes on reading completely", async () => {
    const outcome = Promise.withResolvers<boolean>();
    const pieces = Array<Uint8Array>(40).fill(Buffer.alloc(256 * 1024));
    await using server = await open((exchange) => exchange.stream(200, pieces, {}).then(outcome.resolve), {
      limits: { ...limits, stallMs: 2000 },
    });
    let bytes = 0;
    for await (const chunk of (await fetch(server.url)).body!) {
      bytes += chunk.length;
      await Bun.sleep(5);
    }
    expect([bytes, await outcome.promise]).toEqual([40 * 256 * 1024, true]);
  });

  test.each([0, 1, 3])(
    "of one buffer that is reused is right for a reader with pauses of %d ms",
    async (ms) => {
      const [size, count] = [128 * 1024, 100];
      await using server = await open(
        (exchange) =>
          exchange.stream(
            200,
            (async function* () {
              const buffer = Buffer.allocUnsafeSlow(size);
              for (let n = 0; n < count; n++) yield buffer.fill(n);
            })(),
            { "Content-Length": String(size * count) },
          ),
        { limits: { ...limits, stallMs: 60_000 } },
      );
      let at = 0;
      let wrong = 0;
      for await (const chunk of (await fetch(server.url)).body!) {
        for (const byte of chunk) if (byte !== Math.floor(at++ / size)) wrong += 1;
        if (ms > 0) await Bun.sleep(ms);
      }
      expect([at, wrong]).toEqual([size * count, 0]);
    },
  );

  test("that is open ends with the server, which does not wait for its reader", async () => {
    const outcome = Promise.withResolvers<boolean>();
    const begun = Promise.withResolvers<void>();
    const server = await open((exchange) =>
      exchange
        .stream(
          200,
          (async function* () {
            yield "first";
            begun.resolve();
            await exchange.closed;
            yield "never";
          })(),
          {},
        )
        .then(outcome.resolve),
    );
    const { answer } = await dial(server.port, head("Host: localhost"));
    await begun.promise;
    await server.close();
    expect(await outcome.promise).toBe(false);
    expect(await answer).not.toContain("never");
    await expect(fetch(server.url)).rejects.toThrow();
  });
});

describe("a connection", () => {
  test("without a request is closed for a new one when there are too many, and one with a request is not", async () => {
    const [begun, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using server = await open(async (exchange) => {
      if (exchange.path === "/held") {
        begun.resolve();
        await release.promise;
      }
      return exchange.send(200, "yes");
    });
    const held = fetch(`${server.url}/held`);
    await begun.promise;
    const silent = await Promise.all(Array.from({ length: 20 }, () => dial(server.port)));
    await silent[0]!.answer;
    expect(await (await fetch(server.url)).text()).toBe("yes");
    release.resolve();
    expect(await (await held).text()).toBe("yes");
    silent.forEach(({ socket }) => socket.destroy());
  });

  test("carries one request at a time", async () => {
    let requests = 0;
    await using server = await open((exchange) => {
      requests += 1;
      return exchange.send(200, "yes");
    });
    const answer = await send(server.port, head("Host: localhost").repeat(1000));
    expect(answer.split("HTTP/1.1").length - 1).toBeLessThanOrEqual(1);
    expect(requests).toBe(1);
  });

  test("carries as many requests as it may, and says that the last one is the last", async () => {
    await using server = await open(undefined, { limits: { ...limits, requests: 1 } });
    expect(await send(server.port, head("Host: localhost"))).toContain("Connection: close");
  });
});

describe("a request with the Host", () => {
  const ask = async (host: string, options?: Partial<HttpServerOptions>) => {
    await using server = await open(undefined, options);
    return statusOf(await send(server.port, head(`${host}\r\nConnection: close`)));
  };
  const hosts = { names: ["ci-7.example"], option: "--hosts" };

  test.each(["Host: evil.example", "Host: evil.example:80", "Host: localhost.evil.example"])(
    "of another name is refused at a loopback address: %s",
    async (host) => expect(await ask(host, { hosts })).toBe(403),
  );

  test.each(["Host: localhost:1", "Host: 127.0.0.1", "Host: [::1]:1", "Host:", "Host: CI-7.example:80"])(
    "of this host, of the option or of none is answered: %s",
    async (host) => expect(await ask(host, { hosts })).toBe(200),
  );

  test("of any name is answered where other hosts can reach the server", async () =>
    expect(await ask("Host: hub.svc", { address: { kind: "tcp", host: "0.0.0.0", port: 0 } })).toBe(200));

  test("is refused before the handler sees it, with the name and the option", async () => {
    let requests = 0;
    await using server = await open(async () => (requests += 1), { hosts });
    const answer = await send(server.port, head("Host: evil.example\r\nContent-Length: 5", "POST"));
    expect(answer).toEndWith(
      'host "evil.example" is not accepted: use localhost or the address, or add the name to --hosts\n',
    );
    expect(requests).toBe(0);
  });
});

test("a refusal of a Host names no option where none sets names", async () => {
  await using server = await open();
  expect(await send(server.port, head("Host: evil.example\r\nConnection: close"))).toEndWith(
    'host "evil.example" is not accepted: use localhost or the address\n',
  );
});

describe("a server that cannot listen names address, option and reason", () => {
  test("when the port is taken", async () => {
    await using first = await open();
    const address = { kind: "tcp", host: "127.0.0.1", port: first.port } as const;
    await expect(open(undefined, { address })).rejects.toMatchObject({
      code: "FILE_FAILED",
      message: `cannot listen on ${first.url} (--listen): another process listens on it`,
    });
  });

  test("when the name is unknown", () => {
    const address = { kind: "tcp", host: "nowhere.invalid", port: 80 } as const;
    return expect(open(undefined, { address })).rejects.toThrow(
      "cannot listen on http://nowhere.invalid:80 (--listen): the name cannot be resolved",
    );
  });

  test("when the path of its socket is a file, which is kept", async () => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "precious");
    writeFileSync(path, "data");
    await expect(open(undefined, { address: { kind: "unix", path } })).rejects.toThrow("is not a socket");
    expect(await Bun.file(path).text()).toBe("data");
  });

  test("when the certificate cannot be used", () =>
    expect(open(undefined, { tls: { cert: "no certificate", key: "no key" } })).rejects.toThrow(
      "certificate or key cannot be used",
    ));
});

test.each([
  ["secret", "secret", true],
  ["secret", "Secret", false],
  ["secre", "secret", false],
  ["", "secret", false],
  ["geheimnis-ü", "geheimnis-ü", true],
])("the tokens %j and %j are the same: %j", (given, expected, isSame) =>
  expect(isSameToken(given, expected)).toBe(isSame),
);
