import { describe, expect, test } from "bun:test";
import { logBackend, version } from "signalman";
import { jobEvents, jobRequest, testLogBackend, testPlugin } from "signalman/testing";
import plugin from "./index.ts";
import { startLogServerDouble } from "./testing/log-server-double.ts";
import { openEnded, openScene, quick } from "./testing/scene.ts";

const delivered = { trimmed: false, undelivered: 0 };

testLogBackend({
  name: "log-push",
  async create() {
    const host = await testPlugin(plugin, { config: quick });
    const server = await startLogServerDouble();
    const logger = { method: "push", url: server.url, token: server.token, maxSizeInBytes: 0 };
    return {
      open: (context) => host.use(logBackend, "push").open({ ...context, job: jobRequest({ logger }) }),
      received: () => server.events(),
      fail: (times) => void server.faults.push(...Array.from({ length: times }, () => ({ kind: 500 }))),
      refuse: () => void server.faults.push({ kind: 422 }),
      async [Symbol.asyncDispose]() {
        await server[Symbol.asyncDispose]();
        await host[Symbol.asyncDispose]();
      },
    };
  },
});

test("the plugin provides the backend under the name that requests use", async () => {
  await using t = await testPlugin(plugin);
  expect(t.services).toEqual([{ service: "log-backend", name: "push" }]);
});

test.each([{ "max-events": 2001 }, { "max-bytes": 10 }, { "interval-ms": -1 }, { "request-timeout": 0 }])(
  "%p is an invalid configuration",
  async (config) => {
    await expect(testPlugin(plugin, { config })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  },
);

test.each(["", "nonsense", "file:///etc/passwd"])(
  'a job with the log address "%s" is rejected',
  async (url) => {
    await using scene = await openEnded(jobEvents());
    scene.url = url;
    await expect(scene.run()).rejects.toMatchObject({ code: "JOB_INVALID" });
  },
);

describe("a request", () => {
  test("has the token, the user agent and the unchanged lines of the spool", async () => {
    const events = jobEvents(['☃ <&> \u0001 \\ "', "\u{1f600}\u2028", "x".repeat(100)]);
    await using scene = await openEnded(events);
    expect(await scene.run()).toEqual(delivered);
    expect(scene.server.requests).toMatchObject([
      {
        startFrom: 0,
        events: events.length,
        headers: {
          authorization: "Bearer token-1",
          "content-type": "text/plain",
          "user-agent": `SemaphoreAgent/${version}`,
        },
      },
    ]);
    expect(scene.server.lines.map((line) => `${line}\n`).join("")).toBe(
      await Bun.file(scene.spool.path).text(),
    );
  });

  test("has at most 2,000 events and begins where the previous one ended", async () => {
    await using scene = await openEnded(jobEvents(Array.from({ length: 4996 }, String)));
    expect(await scene.run()).toEqual(delivered);
    const { requests } = scene.server;
    expect(requests.map(({ startFrom }) => startFrom)).toEqual([0, 2000, 4000]);
    expect(requests.map(({ events }) => events)).toEqual([2000, 2000, 1000]);
  });

  test("has at most max-bytes bytes, except with a larger single event", async () => {
    const events = jobEvents(Array.from({ length: 20 }, (_, index) => "x".repeat(index === 9 ? 9000 : 900)));
    await using scene = await openEnded(events, { ...quick, "max-bytes": 4096 });
    expect(await scene.run()).toEqual(delivered);
    expect(scene.server.events()).toEqual(events);
    const large = scene.server.requests.filter(({ bytes }) => bytes > 4096);
    expect(large.map((request) => request.events)).toEqual([1]);
  });

  test("keeps the query of the address", async () => {
    await using scene = await openEnded(jobEvents());
    scene.url = `${scene.server.url}?org=a%20b`;
    expect(await scene.run()).toEqual(delivered);
    expect(scene.server.events()).toEqual(jobEvents());
  });

  test("waits for the answer to the previous one", async () => {
    await using scene = await openEnded(jobEvents(Array.from({ length: 300 }, String)), {
      ...quick,
      "max-events": 20,
    });
    await scene.run();
    expect(scene.server.requests.map(({ others }) => others)).toEqual(Array(16).fill(0));
  });
});

describe("the pace", () => {
  test("pushes the first lines of a job at once", async () => {
    await using scene = await openScene({ ...quick, "interval-ms": 3_600_000 });
    const running = scene.run();
    for (const [index, event] of jobEvents([]).entries()) {
      scene.spool.append(event);
      await scene.hasRequests(index + 1);
    }
    scene.spool.close();
    expect(await running).toEqual(delivered);
  });

  test("puts continuous output into few requests and pushes the end of the log at once", async () => {
    await using scene = await openScene({ ...quick, "interval-ms": 3_600_000 });
    const events = jobEvents(Array.from({ length: 200 }, String));
    const running = scene.run();
    for (const event of events) {
      scene.spool.append(event);
      await Bun.sleep(1);
    }
    scene.spool.close();
    expect(await running).toEqual(delivered);
    expect(scene.server.events()).toEqual(events);
    expect(scene.server.requests.length).toBeLessThan(20);
  });

  test("pushes output after a pause at once", async () => {
    await using scene = await openScene({ ...quick, "interval-ms": 20 });
    const running = scene.run();
    for (const [index, event] of jobEvents().entries()) {
      scene.spool.append(event);
      await scene.hasRequests(index + 1);
    }
    scene.spool.close();
    expect(await running).toEqual(delivered);
  });

  test("does not delay full requests", async () => {
    await using scene = await openScene({ ...quick, "interval-ms": 3_600_000, "max-events": 10 });
    const running = scene.run();
    scene.spool.append(...jobEvents(Array.from({ length: 500 }, String)));
    await scene.hasRequests(50);
    scene.spool.close();
    expect(await running).toEqual(delivered);
  });
});

test("a hundred thousand events are delivered, each once and in order", async () => {
  await using scene = await openEnded(
    jobEvents(Array.from({ length: 100_000 }, (_, index) => `line ${index}`)),
  );
  expect(await scene.run()).toEqual(delivered);
  const file = await Bun.file(scene.spool.path).text();
  expect(scene.server.lines.map((line) => `${line}\n`).join("") === file).toBe(true);
});

test("an event of ten megabytes is delivered", async () => {
  const events = jobEvents(["before", "é".repeat(5_000_000), "after"]);
  await using scene = await openEnded(events);
  expect(await scene.run()).toEqual(delivered);
  expect(scene.server.events()).toEqual(events);
});
