import { expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { startStatsdServer } from "./testing/statsd-server.ts";
import type { Metric } from "./metric.ts";
import { createSender, type SenderOptions } from "./sender.ts";

const count = (name: string): Metric => ({ type: "c", name, value: 1, tags: [] });

function start(port: number, options: Partial<SenderOptions> = {}) {
  const logger = createRecordingLogger();
  const sender = createSender({ host: "127.0.0.1", port, namespace: "a", logger, ...options });
  return Object.assign(sender, { logs: logger.entries });
}

/** Returns a closed port. */
async function closedPort(): Promise<number> {
  using server = await startStatsdServer();
  return server.port;
}

test("many metrics share datagrams of up to 1400 bytes, and none is lost or split", async () => {
  using server = await startStatsdServer();
  const names = Array.from({ length: 300 }, (_, index) => `a${"b".repeat(index % 90)}.${index}`);
  {
    await using sender = start(server.port);
    for (const name of names) sender.send(count(name));
  }
  await server.has((line) => line.endsWith(`${names.at(-1)}:1|c`));
  expect(server.lines).toEqual(names.map((name) => `tagged.a.no_tag.no_tag.no_tag.${name}:1|c`));
  expect(Math.max(...server.datagrams.map(({ length }) => length))).toBeLessThanOrEqual(1400);
  expect(server.datagrams.length).toBeLessThan(30);
});

test("metrics are sent without a flush", async () => {
  using server = await startStatsdServer();
  await using sender = start(server.port);
  sender.send(count("first"));
  await server.has((line) => line.includes("first"));
  sender.send(count("second"));
  await server.has((line) => line.includes("second"));
  expect(server.lines).toHaveLength(2);
});

test("metrics beyond the queue are dropped, which is logged once", async () => {
  using server = await startStatsdServer();
  const sender = start(server.port);
  for (let index = 0; index < 10_500; index++) sender.send(count("flood"));
  await server.has(() => true);
  for (let index = 0; index < 10_001; index++) sender.send(count("flood"));
  await sender[Symbol.asyncDispose]();
  expect(sender.logs).toMatchObject([
    { level: "debug", message: "metrics for StatsD were dropped", fields: { metrics: 500 } },
    { level: "debug", message: "metrics for StatsD were dropped", fields: { metrics: 1 } },
  ]);
});

test("at a closed port metrics are lost, and arrive after the server has started", async () => {
  const port = await closedPort();
  await using sender = start(port, { retryMs: 0 });
  for (let round = 0; round < 5; round++) {
    sender.send(count("lost"));
    await Bun.sleep(120);
  }
  using server = await startStatsdServer({ port });
  sender.send(count("found"));
  await server.has((line) => line.includes("found"));
  expect(sender.logs.map(({ level }) => level)).not.toContain("error");
  expect(sender.logs[0]!.message).toMatch(/^StatsD server 127\.0\.0\.1, port \d+, does not accept/);
});

test("an IPv6 address works", async () => {
  using server = await startStatsdServer({ hostname: "::1" });
  await using sender = start(server.port, { host: "::1" });
  sender.send(count("six"));
  await server.has((line) => line.includes("six"));
});

test("of a name with both families the IPv4 address is used first, and the IPv6 address when that one is unreachable", async () => {
  using server = await startStatsdServer({ hostname: "::1" });
  const lookup = async () => [
    { address: "::1", family: 6 },
    { address: "255.255.255.255", family: 4 },
  ];
  await using sender = start(server.port, { host: "both.test", retryMs: 0, lookup });
  while (server.lines.length === 0) {
    sender.send(count("six"));
    await Bun.sleep(50);
  }
  expect(sender.logs[0]!.message).toStartWith("StatsD server 255.255.255.255");
});

test("a name is resolved once, and again after a failure, while metrics are queued", async () => {
  using server = await startStatsdServer();
  const asked: string[] = [];
  const lookup = async (host: string) => {
    asked.push(host);
    if (asked.length === 1) throw new Error("getaddrinfo ENOTFOUND");
    return [{ address: "127.0.0.1", family: 4 }];
  };
  await using sender = start(server.port, { host: "statsd.test", retryMs: 0, waitMs: 10, lookup });
  for (const name of ["first", "second", "third"]) {
    sender.send(count(name));
    await server.has((line) => line.includes(name));
  }
  expect(asked).toEqual(["statsd.test", "statsd.test"]);
  expect(sender.logs).toMatchObject([
    { level: "debug", message: 'StatsD server "statsd.test" is unreachable: getaddrinfo ENOTFOUND' },
  ]);
});

test("a name server that never answers does not delay the disposal", async () => {
  const sender = start(1, { host: "hangs.test", lookup: () => new Promise(() => {}) });
  sender.send(count("never"));
  await Bun.sleep(150);
  sender.send(count("never"));
  await sender[Symbol.asyncDispose]();
  expect(sender.logs).toMatchObject([{ level: "debug", fields: { metrics: 2 } }]);
});
