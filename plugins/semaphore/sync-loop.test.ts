import { expect, test } from "bun:test";
import { createOutageLog, onAbort } from "signalman";
import { createRecordingLogger } from "signalman/testing";
import { createAgentState } from "./agent-state.ts";
import type { Reply } from "./client.ts";
import { startSyncLoop } from "./sync-loop.ts";
import { until } from "./testing/until.ts";
import type { SyncAnswer, SyncRequest } from "./wire.ts";

const jobId = "11111111-2222-4333-8444-555555555555";
const aborted: Reply<SyncAnswer> = {
  ok: false,
  failure: { kind: "aborted", message: "aborted", status: 0, retryAfterMs: 0 },
};
const goOn: Reply<SyncAnswer> = { ok: true, value: { action: { kind: "continue" }, nextSyncMs: 60_000 } };
const released: Reply<SyncAnswer> = {
  ok: true,
  value: { action: { kind: "shutdown", reason: "job-finished" }, nextSyncMs: 0 },
};

/** Runs a job whose only sync is in flight when the job ends. Records what happens, in order. */
function startWithSyncInFlight(longestDelayMs: number) {
  const events: string[] = [];
  const answer = Promise.withResolvers<Reply<SyncAnswer>>();
  const logger = createRecordingLogger();
  const loop = startSyncLoop({
    client: {
      async sync({ state, jobResult }: SyncRequest, signal?: AbortSignal) {
        events.push(`sent ${state} ${jobResult}`.trim());
        if (state !== "running-job") return released;
        using _listener = onAbort(signal, () => answer.resolve(aborted));
        const reply = await answer.promise;
        events.push(reply.ok ? "answered" : "aborted");
        return reply;
      },
    },
    agent: createAgentState({ state: "running-job", jobId, lastGoodAt: performance.now() }),
    rules: {
      singleJob: true,
      gracePeriod: 0,
      syncGiveUpMs: 60_000,
      busyGiveUpMs: 60_000,
      goneGiveUpMs: 60_000,
      interruptGiveUpMs: 60_000,
    },
    interval: { minMs: 60_000, maxMs: 60_000 },
    longestDelayMs,
    logger,
    outage: createOutageLog({ logger, level: "error", describeFailure: (why) => why, recovery: "recovered" }),
    perform() {},
    onSynced() {},
    onConfirmed() {},
  });
  return { loop, events, answer };
}

test("a result is reported only after the sync in flight was answered", async () => {
  const { loop, events, answer } = startWithSyncInFlight(60_000);
  await until(() => events.length === 1);
  loop.dispatch({ kind: "job-ended", jobId, result: "passed" });
  // Time for a report that does not wait.
  await Bun.sleep(50);
  answer.resolve(goOn);
  await loop.ended;
  expect(events).toEqual(["sent running-job", "answered", "sent finished-job passed"]);
});

test("a result is reported after the longest delay even while a sync hangs, which is aborted first", async () => {
  const { loop, events } = startWithSyncInFlight(20);
  await until(() => events.length === 1);
  loop.dispatch({ kind: "job-ended", jobId, result: "failed" });
  await loop.ended;
  expect(events).toEqual(["sent running-job", "aborted", "sent finished-job failed"]);
});
