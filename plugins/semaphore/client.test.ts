import { expect, test } from "bun:test";
import { createHubClient } from "./client.ts";
import { type Answer, startHub } from "./testing/hub-double.ts";
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
  [1e15, 2 ** 31 - 1],
  [1500, 1500],
] as const)("next_sync_after %p is a delay of %p ms", (next_sync_after, nextSyncMs) => {
  expect(toSyncAnswer({ action: "continue", next_sync_after })).toMatchObject({ nextSyncMs });
});

function createClient(endpoint: string, timeoutMs = 200) {
  return createHubClient({ origin: `http://${endpoint}`, token, version: "v1", timeoutMs, ca: undefined });
}
