import { describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type ApiScene, createApiScene, sign } from "./testing/api-scene.ts";

const authorization = `Authorization: Bearer ${sign()}\r\n`;
const isAlive = async (scene: ApiScene) => (await scene.fetch("/is_alive")).status === 200;
const closed = (socket: Socket | TLSSocket) =>
  new Promise<void>((resolve) => (socket.destroyed ? resolve() : socket.once("close", () => resolve())));
const open = (port: number) =>
  new Promise<Socket>((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.on("error", () => {});
  });

describe("a connection is closed when its time is over", () => {
  test("and it sends nothing, before or after the TLS handshake", async () => {
    await using scene = await createApiScene({ requestMs: 200 });
    await Promise.all([open(scene.port), scene.connect()].map(async (opening) => closed(await opening)));
    expect(await isAlive(scene)).toBe(true);
  });

  test.each([
    ["half a request line", "GET /is_al"],
    ["half a header", "GET /is_alive HTTP/1.1\r\nHost: x\r\nX-Y: "],
    ["half a body", `POST /jobs HTTP/1.1\r\nHost: x\r\n${authorization}Content-Length: 100\r\n\r\n{`],
    [
      "half a chunk",
      `POST /jobs HTTP/1.1\r\nHost: x\r\n${authorization}Transfer-Encoding: chunked\r\n\r\n100\r\n{`,
    ],
  ])("and it has sent %s", async (_name, text) => {
    await using scene = await createApiScene({ requestMs: 200 });
    expect(await scene.send(text)).not.toContain(" 200 ");
    expect(await isAlive(scene)).toBe(true);
  });

  test("and it sends a byte now and then", async () => {
    await using scene = await createApiScene({ requestMs: 300 });
    const socket = await scene.connect();
    const text = `GET /is_alive HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(10_000)}`;
    let at = 0;
    const timer = setInterval(() => socket.write(text[at++]!), 20);
    await closed(socket);
    clearInterval(timer);
    expect(at).toBeLessThan(text.length);
  });

  test("and it stays idle after a request, or sends half of a second one", async () => {
    await using scene = await createApiScene({ requestMs: 200, idleMs: 300 });
    const request = "GET /is_alive HTTP/1.1\r\nHost: x\r\n\r\n";
    for (const text of [request, `${request}GET /is`]) {
      expect(await scene.send(text)).toEndWith("yes");
    }
  });

  test("and it does not read the answer", async () => {
    await using scene = await createApiScene({ requestMs: 300 });
    await scene.fetch("/jobs", { method: "POST", body: '{"job_id": "a", "commands": []}' });
    scene.lines = Array<string>(300).fill(`${"x".repeat(256 * 1024)}\n`);
    const socket = await scene.connect();
    socket.pause();
    socket.write(`GET /jobs/a/log HTTP/1.1\r\nHost: x\r\nX-Client-Name: archivator\r\n${authorization}\r\n`);
    await closed(await drainLater(socket));
    expect(scene.calls.archived).toBe(0);
    expect(await isAlive(scene)).toBe(true);
  });

  test("while a log that takes longer than that is read to its end", async () => {
    await using scene = await createApiScene({ requestMs: 300 });
    await scene.fetch("/jobs", { method: "POST", body: '{"job_id": "a", "commands": []}' });
    scene.lines = Array<string>(100).fill(`${"x".repeat(256 * 1024)}\n`);
    const { body } = await scene.fetch("/jobs/a/log");
    let bytes = 0;
    for await (const chunk of body!) {
      bytes += chunk.length;
      await Bun.sleep(5);
    }
    expect(bytes).toBe(100 * (256 * 1024 + 1));
  });
});

describe("the server refuses", () => {
  test.each([
    ["without a body", "GET /status HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["with a body", "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx"],
  ])("further requests %s on a connection before the first one is answered", async (_name, request) => {
    await using scene = await createApiScene();
    const answers = await Promise.all(Array.from({ length: 5 }, () => scene.send(request.repeat(12_000))));
    for (const answer of answers) expect(answer.split("HTTP/1.1 ").length).toBeLessThanOrEqual(2);
    expect(await isAlive(scene)).toBe(true);
  });

  test("no request that follows the answer to the previous one", async () => {
    await using scene = await createApiScene();
    const socket = await scene.connect();
    for (const _ of [1, 2, 3]) {
      const answer = new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(String(bytes))));
      socket.write("GET /is_alive HTTP/1.1\r\nHost: x\r\n\r\n");
      expect(await answer).toEndWith("yes");
    }
    socket.destroy();
  });

  test("a header over the limit", async () => {
    await using scene = await createApiScene();
    const answer = await scene.send(`GET /is_alive HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(20_000)}\r\n\r\n`);
    expect(answer).not.toContain(" 200 ");
    expect(await isAlive(scene)).toBe(true);
  });

  test.each([
    ["announced", `Content-Length: ${10 ** 12}\r\n\r\n`],
    ["in chunks", `Transfer-Encoding: chunked\r\n\r\n1000\r\n${"x".repeat(4096)}\r\n`],
  ])("a body over the limit that is %s", async (_name, rest) => {
    await using scene = await createApiScene({ bodyBytes: 2048, requestMs: 500 });
    const answer = await scene.send(`POST /jobs HTTP/1.1\r\nHost: x\r\n${authorization}${rest}`);
    expect(answer).toStartWith("HTTP/1.1 413");
    expect(await isAlive(scene)).toBe(true);
  });

  test("the body of a client without a token", async () => {
    await using scene = await createApiScene();
    const text = "POST /jobs HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n";
    const answer = await scene.send(text);
    expect(answer).toStartWith("HTTP/1.1 401");
    expect(answer).not.toContain("100 Continue");
  });

  test.each([
    ["garbage", "\0\x01\x02garbage\r\n\r\n"],
    [
      "two lengths",
      `POST /jobs HTTP/1.1\r\nHost: x\r\n${authorization}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}`,
    ],
    [
      "a length and chunks",
      `POST /jobs HTTP/1.1\r\nHost: x\r\n${authorization}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ["a negative length", `POST /jobs HTTP/1.1\r\nHost: x\r\n${authorization}Content-Length: -1\r\n\r\n`],
  ])("%s", async (_name, text) => {
    await using scene = await createApiScene({ requestMs: 500, idleMs: 500 });
    expect(await scene.send(text)).not.toContain(" 200 ");
    expect(await isAlive(scene)).toBe(true);
  });

  test("the oldest silent connection when there are too many, and never one with a request", async () => {
    await using scene = await createApiScene({ connections: 20 });
    const silent = await Promise.all(Array.from({ length: 20 }, () => open(scene.port)));
    expect(await isAlive(scene)).toBe(true);
    await closed(silent[0]!);
    const many = await Promise.all(Array.from({ length: 1000 }, () => open(scene.port)));
    // A connection that the server accepts only now would close the one of the request, too.
    const openOnes = () => many.filter((socket) => !socket.destroyed).length;
    while (openOnes() > 20) await Bun.sleep(10);
    expect(await isAlive(scene)).toBe(true);
    expect(openOnes()).toBeLessThanOrEqual(20);
    for (const socket of [...silent, ...many]) socket.destroy();
  });
});

/** Reads on after the server has had time to close the connection: the close is seen only then. */
async function drainLater(socket: TLSSocket): Promise<TLSSocket> {
  await Bun.sleep(1000);
  socket.resume();
  return socket;
}
