import { expect, test } from "bun:test";
import { jobRequest, testPlugin } from "signalman/testing";
import otlpTraces from "./index.ts";
import { openCollector } from "./testing/collector-double.ts";

const job = jobRequest({ id: "a-job", name: "a job" });
const times = { assignedAt: 1000, fetchedAt: 1100, startedAt: 1200, finishedAt: 3200.5 };

test("the spans of both processes are one trace, nested and with their times", async () => {
  await using collector = openCollector();
  {
    await using t = await testPlugin(otlpTraces, { flags: { "otlp-traces-url": collector.url } });
    const block = { job, phase: "commands", directive: "make", exitCode: 2 } as const;
    await t.call("job:block", { ...block, startedAt: 1400, durationMs: 10.25 });
    await t.call("job:phase", { job, phase: "commands", startedAt: 1300, durationMs: 1000, isOk: false });
    await t.call("job:end", { job });
    const cause = { kind: "command", message: "command 1 exited with status 2" } as const;
    await t.call("agent:job-ended", { jobId: "a-job", job, result: "failed", times, cause });
  }
  expect(new Set(collector.spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(collector.tree()).toEqual([
    "a job 1000000000-3200500000 error: command 1 exited with status 2",
    "  fetch 1000000000-1100000000",
    "  start 1100000000-1200000000",
    "  commands 1300000000-2300000000 error: failed",
    "    make 1400000000-1410250000 error: exit status 2",
  ]);
  const root = collector.spans.find(({ parentSpanId }) => parentSpanId === undefined)!;
  expect(root.attributes).toContainEqual({ key: "signalman.cause", value: { stringValue: "command" } });
});

test("a collector that fails is a warning, and without an address nothing is posted", async () => {
  await using collector = openCollector(500);
  await using t = await testPlugin(otlpTraces, { config: { url: collector.url } });
  await t.call("agent:job-ended", { jobId: "a-job", job, times });
  while (!t.logs.some(({ level }) => level === "warn")) await Bun.sleep(5);
  expect(t.logs.map(({ message }) => message)).toContain(
    "trace could not be posted: the collector answered 500",
  );
  await using off = await testPlugin(otlpTraces);
  expect(off.hooks).toEqual([]);
});
