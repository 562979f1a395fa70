import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { createHubClient } from "./client.ts";
import { type Answer, type HubDouble, startHub } from "./testing/hub-double.ts";
import { toSyncAnswer } from "./wire.ts";

const token = "the-access-token";
const waiting = { state: "waiting-for-jobs", jobId: "", jobResult: "", interruptedAt: 0 } as const;

test.each<[string, Answer, object]>([
  ["a dropped connection", "drop", { kind: "transport", status: 0 }],
  ["an incomplete answer", { isCut: true }, { kind: "transport", status: 0 }],
  ["no answer within the time-out", "hang", { kind: "transport", message: "no answer within 0.2 s" }],
  [
    "an error status",
    { status: 503, body: "request\n timed out" },
    { kind: "status", status: 503, message: "status 503: request timed out" },
  ],
  ["another success status", { status: 201, body: { action: "continue" } }, { kind: "status", status: 201 }],
  [
    "a redirect, which is not followed",
    { status: 302, headers: { Location: "/elsewhere" } },
    { kind: "status", status: 302 },
  ],
  ["a page instead of JSON", { body: "<html>" }, { kind: "malformed" }],
  ["JSON without an action", { body: { next_sync_after: 1 } }, { kind: "malformed" }],
  ["null", { body: null }, { kind: "malformed" }],
  ["a job without an id", { body: { action: "run-job", job_id: "../x" } }, { kind: "malformed" }],
  [
    "an echo of the token",
    { status: 500, body: `Token ${token}` },
    { message: "status 500: Token [REDACTED]" },
  ],
  ["a Retry-After", { status: 429, headers: { "Retry-After": "7" } }, { status: 429, retryAfterMs: 7000 }],
  [
    "a Retry-After beyond the limit",
    { status: 429, headers: { "Retry-After": "99999999" } },
    { retryAfterMs: 600_000 },
  ],
])("%s is returned as a failure", async (_, answer, expected) => {
  await using hub = await startHub();
  hub.script("/sync", answer);
  const reply = await createClient(hub.endpoint).sync(waiting);
  expect(reply).toMatchObject({ ok: false, failure: expected });
  expect(hub.paths).toEqual(["/sync"]);
});

test("JSON is read with any content type", async () => {
  await using hub = await startHub();
  const body = '{"action":"run-job","job_id":"a-1","next_sync_after":4500}';
  hub.script("/sync", { body, headers: { "Content-Type": "text/plain" } });
  expect(await createClient(hub.endpoint).sync(waiting)).toEqual({
    ok: true,
    value: { action: { kind: "run-job", jobId: "a-1" }, nextSyncMs: 4500 },
  });
});

test("an abort differs from a failure", async () => {
  await using hub = await startHub();
  hub.script("/sync", "hang");
  const controller = new AbortController();
  const reply = createClient(hub.endpoint, 60_000).sync(waiting, controller.signal);
  controller.abort();
  expect(await reply).toMatchObject({ ok: false, failure: { kind: "aborted" } });
});

test.each([
  ["idle", "idle"],
  ["job-finished", "job-finished"],
  ["because", "unknown"],
  [undefined, "unknown"],
])("the shutdown reason %p is %p", (shutdown_reason, reason) => {
  expect(toSyncAnswer({ action: "shutdown", shutdown_reason })?.action).toEqual({
    kind: "shutdown",
    reason,
  } as never);
});

test.each([
  [-5, 0],
  ["x", 0],
  [undefined, 0],
  [60_001, 60_000],
  [1e300, 60_000],
  [Number.POSITIVE_INFINITY, 60_000],
  [1500, 1500],
] as const)("next_sync_after %p is a delay of %p ms", (next_sync_after, nextSyncMs) => {
  expect(toSyncAnswer({ action: "continue", next_sync_after })).toMatchObject({ nextSyncMs });
});

test("a compressed answer is read", async () => {
  await using hub = await startHub();
  const body = gzipSync('{"action":"wait-for-jobs"}');
  hub.script("/sync", { body, headers: { "Content-Encoding": "gzip" } });
  expect(await createClient(hub.endpoint).sync(waiting)).toMatchObject({ ok: true });
});

describe("an answer beyond the limits", () => {
  const mebibyte = 2 ** 20;
  /** Becomes a gibibyte. */
  const bomb = Buffer.concat(Array.from({ length: 64 }, () => gzipSync(Buffer.alloc(16 * mebibyte, " "))));
  const gzip = { "Content-Encoding": "gzip" };
  const calls = ["register", "sync", "getJob", "refresh"] as const;

  const call = (hub: HubDouble, name: (typeof calls)[number]) => {
    const client = createClient(hub.endpoint, 60_000);
    switch (name) {
      case "register":
        return client.register(registration);
      case "sync":
        return client.sync(waiting);
      case "getJob":
        return client.getJob("a-job");
      case "refresh":
        return client.refresh();
    }
  };

  test.each(calls)("is a failure of %s, and memory stays bounded: a compressed bomb", async (name) => {
    await using hub = await startHub();
    const before = process.memoryUsage.rss();
    for (const path of ["/register", "/sync", "/jobs/a-job", "/refresh"])
      hub.script(path, { body: bomb, headers: gzip });
    const reply = await call(hub, name);
    expect(reply).toMatchObject({ ok: false, failure: { kind: "malformed" } });
    expect(!reply.ok && reply.failure.message).toEndWith("it is larger than 2.0 MiB");
    expect(process.memoryUsage.rss() - before).toBeLessThan(256 * mebibyte);
  });

  test.each([200, 500])("is a failure when it never ends, with status %i", async (status) => {
    await using server = await startEndlessServer(status);
    const reply = await createClient(server.endpoint, 60_000).sync(waiting);
    expect(reply).toMatchObject({
      ok: false,
      failure: { kind: status === 200 ? "malformed" : "status" },
    });
    await server.closed;
  });

  test.each(["[", '{"a":'])("is a failure when %s is nested too deep", async (open) => {
    await using hub = await startHub();
    hub.script("/jobs/a-job", { body: open.repeat(100_000) });
    expect(await call(hub, "getJob")).toMatchObject({ ok: false, failure: { kind: "malformed" } });
  });

  test("is a failure when its encoding was not requested", async () => {
    await using hub = await startHub();
    hub.script("/sync", { body: "x", headers: { "Content-Encoding": "br" } });
    expect(await createClient(hub.endpoint).sync(waiting)).toMatchObject({
      failure: { kind: "malformed", message: expect.stringContaining('its content encoding "br"') },
    });
  });

  test("is no failure just below them", async () => {
    await using hub = await startHub();
    const padding = " ".repeat(2 * mebibyte - 30);
    hub.script("/sync", { body: `{"action":"continue"}${padding}` });
    expect(await createClient(hub.endpoint).sync(waiting)).toMatchObject({ ok: true });
    const deep = `${"[".repeat(64)}"[[\\"[["${"]".repeat(64)}`;
    hub.script("/jobs/a-job", { body: deep });
    expect(await call(hub, "getJob")).toMatchObject({ ok: true });
  });
});

const registration = {
  name: "an-agent",
  singleJob: false,
  idleTimeout: 0,
  gracePeriod: 0,
  jobId: "",
  os: "",
  arch: "",
  hostname: "",
};

/** A server whose answers do not end until the client closes the connection. */
async function startEndlessServer(status: number) {
  const closed = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status);
    const chunk = Buffer.alloc(64 * 1024, " ");
    const write = () => {
      while (response.write(chunk));
    };
    response.on("drain", write);
    response.on("close", () => closed.resolve());
    write();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    closed: closed.promise,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function createClient(endpoint: string, timeoutMs = 200) {
  return createHubClient({
    origin: `http://${endpoint}`,
    token,
    version: "v1",
    timeoutMs,
    maxBodyBytes: 2 ** 21,
    ca: undefined,
  });
}

test("an answer that arrived while the process stood still for longer than the time-out is not lost", async () => {
  const script = `import { createHubClient } from ${JSON.stringify(path.join(import.meta.dir, "client.ts"))};
    const options = { token: "", version: "v1", timeoutMs: 200, maxBodyBytes: 2 ** 21 };
    const reply = await createHubClient({ origin: process.argv[1], ...options }).getJob("1");
    console.log(JSON.stringify(reply));
    process.exit();`;
  let fetches = 0;
  await using server = Bun.serve({
    port: 0,
    fetch() {
      fetches++;
      process.kill(client.pid, "SIGSTOP");
      setTimeout(() => process.kill(client.pid, "SIGCONT"), 500);
      return Response.json({ job_id: "1" });
    },
  });
  const client = Bun.spawn([process.execPath, "-e", script, server.url.origin], { stdout: "pipe" });
  expect(JSON.parse(await client.stdout.text())).toEqual({ ok: true, value: { job_id: "1" } });
  expect(fetches).toBe(1);
});
