import { describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { sendRaw, startHealth } from "./testing/scene.ts";

describe("a request with the Host", () => {
  const ask = async (listen: string, host: string, hosts: readonly string[] = []) => {
    await using health = await startHealth(listen, { hosts });
    const request = (page: string) => `GET ${page} HTTP/1.1\r\n${host}\r\n\r\n`;
    const answers = ["/status", "/metrics", "/healthz"].map((page) => sendRaw(health.address, request(page)));
    return (await Promise.all(answers)).map((answer) => answer.split(" ")[1]);
  };

  test.each([
    "Host: evil.example",
    "Host: evil.example:9600",
    "Host: localhost.evil.example",
    "Host: 127.0.0.1.evil.example",
  ])("of another name is refused at a loopback address: %s", async (host) =>
    expect(await ask("127.0.0.1:0", host)).toEqual(["403", "403", "403"]),
  );

  test.each([
    "Host: localhost",
    "Host: LocalHost:1",
    "Host: 127.0.0.1:9600",
    "Host: [::1]:1",
    "Host:",
    "Host: ci-7.example",
  ])("of this host, of the option, or none is answered: %s", async (host) =>
    expect(await ask("127.0.0.1:0", host, ["ci-7.example"])).toEqual(["200", "200", "200"]),
  );

  test("of any name is answered where other hosts can reach the address", async () =>
    expect(await ask("0.0.0.0:0", "Host: agent.example")).toEqual(["200", "200", "200"]));
});

describe("clients", () => {
  test.each([
    ["send nothing", ""],
    ["do not end their header", "GET /healthz HTTP/1.1\r\nX: "],
    ["have their answer and stay", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ])("that %s lock out no other: the oldest of 64 is closed", async (_, text) => {
    await using health = await startHealth();
    const port = Number(new URL(health.address).port);
    const held = await Promise.all(Array.from({ length: 200 }, () => hold(port, text)));
    expect((await health.get("/healthz")).status).toBe(200);
    await Promise.all(held.slice(0, 100).map(({ closed }) => closed));
    held.forEach(({ end }) => end());
  });

  test("that send more than one request are disconnected, and only the first one is handled", async () => {
    await using health = await startHealth();
    const request = "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const before = health.statusReads;
    const clients = Array.from({ length: 10 }, () => sendRaw(health.address, request.repeat(12_000)));
    const answers = await Promise.all(clients.map((answer) => answer.catch(() => "")));
    for (const answer of answers) expect(answer.split("HTTP/1.1 ").length).toBeLessThanOrEqual(2);
    expect(health.statusReads - before).toBe(10);
    expect((await health.get("/healthz")).status).toBe(200);
  });

  test("that send a header without an end are disconnected", async () => {
    await using health = await startHealth();
    const client = await hold(Number(new URL(health.address).port), "GET /healthz HTTP/1.1\r\n");
    const trickle = setInterval(() => client.send("X: y\r\n"), 50);
    await client.closed;
    clearInterval(trickle);
  });

  test("with open connections do not delay the shutdown of the agent", async () => {
    const health = await startHealth();
    const { port } = new URL(health.address);
    const silent = await hold(Number(port));
    await (await health.get("/healthz")).text();
    await health[Symbol.asyncDispose]();
    await silent.closed;
    expect(health.t.logs.filter(({ level }) => level === "error")).toEqual([]);
    expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
  });
});

/** Connects a client that sends a text, and then nothing. It leaves its side of the connection open. */
async function hold(port: number, text = "") {
  const closed = Promise.withResolvers<void>();
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.on("error", () => {});
  socket.on("close", () => closed.resolve());
  socket.on("end", () => closed.resolve());
  socket.resume();
  if (text !== "") socket.write(text);
  return {
    closed: closed.promise,
    send: (more: string) => void socket.write(more),
    end: () => void socket.destroy(),
  };
}
