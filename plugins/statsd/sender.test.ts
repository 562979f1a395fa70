import { expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { startStatsdServer } from "./testing/statsd-server.ts";
import { count } from "./metric.ts";
import { createSender, type SenderOptions } from "./sender.ts";

function start(port: number, options: Partial<SenderOptions> = {}) {
  const logger = createRecordingLogger();
  const sender = createSender({ host: "127.0.0.1", port, namespace: "a", logger, ...options });
  return Object.assign(sender, { logs: logger.entries });
}

/** A port at which nobody listens. */
async function closedPort(): Promise<number> {
  using server = await startStatsdServer();
  return server.port;
}

test("many figures share datagrams of 1400 bytes at most, and none is lost or split", async () => {
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

test("figures go out by themselves", async () => {
  using server = await startStatsdServer();
  await using sender = start(server.port);
  sender.send(count("first"));
  await server.has((line) => line.includes("first"));
  sender.send(count("second"));
  await server.has((line) => line.includes("second"));
  expect(server.lines).toHaveLength(2);
});

test("what is too much is dropped, and said once", async () => {
  using server = await startStatsdServer();
  const sender = start(server.port);
  for (let index = 0; index < 10_500; index++) sender.send(count("flood"));
  await server.has(() => true);
  for (let index = 0; index < 10_001; index++) sender.send(count("flood"));
  await sender[Symbol.asyncDispose]();
  expect(sender.logs).toMatchObject([
    { level: "debug", message: "figures for StatsD were dropped", fields: { figures: 500 } },
    { level: "debug", message: "figures for StatsD were dropped", fields: { figures: 1 } },
  ]);
});

test("at a closed port figures are lost in silence, and arrive when somebody listens", async () => {
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
  expect(sender.logs[0]!.message).toMatch(/^the StatsD server 127\.0\.0\.1, port \d+, does not take/);
});

test("an address of IPv6 is as good", async () => {
  using server = await startStatsdServer({ hostname: "::1" });
  await using sender = start(server.port, { host: "::1" });
  sender.send(count("six"));
  await server.has((line) => line.includes("six"));
});

test("of a name with both families the older one is used first, and the other one when there is no way to it", async () => {
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
  expect(sender.logs[0]!.message).toStartWith("the StatsD server 255.255.255.255");
});

test("a name is looked up once, and again after a failure; figures wait for it", async () => {
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
    { level: "debug", message: 'no way to the StatsD server "statsd.test": getaddrinfo ENOTFOUND' },
  ]);
});

test("a name server that never answers holds nobody", async () => {
  const sender = start(1, { host: "hangs.test", lookup: () => new Promise(() => {}) });
  sender.send(count("never"));
  await Bun.sleep(150);
  sender.send(count("never"));
  await sender[Symbol.asyncDispose]();
  expect(sender.logs).toMatchObject([{ level: "debug", fields: { figures: 2 } }]);
});
