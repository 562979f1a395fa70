import { expect, test } from "bun:test";
import { createMetricsRegistry } from "../../../src/core/metrics/registry.ts";
import type { ToAgent } from "../../../src/job/control/messages.ts";
import { createMetricsSender } from "../../../src/job/control/metrics-sender.ts";
import { silentLogger } from "../../../src/testing/index.ts";

type Metrics = Extract<ToAgent, { is: "metrics" }>;

/** A sender, the messages that it has sent, and a counter to record. */
function openSender(change: { intervalMs?: number; repeatMs?: number } = {}) {
  const registry = createMetricsRegistry(silentLogger);
  const { record } = registry.declare(
    { plugin: "a", name: "x_total", kind: "counter", help: "X.", labels: ["of"] },
    silentLogger,
  );
  const sent: Metrics[] = [];
  const next = Promise.withResolvers<void>();
  const sender = createMetricsSender({
    metrics: registry,
    tell(message) {
      sent.push(message as Metrics);
      next.resolve();
    },
    intervalMs: 3_600_000,
    ...change,
  });
  return { ...sender, sent, next: next.promise, record: (of: string) => record(1, { of }) };
}

const valuesOf = ({ metrics }: Metrics) =>
  metrics.flatMap(({ series }) => series.map(({ labels, value }) => `${labels["of"]} ${value}`));

test("without metrics nothing is sent, and no end is delayed", async () => {
  const sent: unknown[] = [];
  const sender = createMetricsSender({
    metrics: createMetricsRegistry(silentLogger),
    tell: (message) => sent.push(message),
  });
  sender.connected(true);
  await sender.flush();
  expect(sent).toEqual([]);
});

test("values are sent while the job runs", async () => {
  using sender = openSender({ intervalMs: 1 });
  sender.connected(true);
  sender.record("a");
  await sender.next;
  expect(valuesOf(sender.sent[0]!)).toEqual(["a 1"]);
});

test("without an agent, values are kept and added up", async () => {
  using sender = openSender();
  sender.record("a");
  await sender.flush();
  sender.record("a");
  expect(sender.sent).toEqual([]);
  sender.connected(true);
  const flushed = sender.flush();
  sender.counted(1);
  await flushed;
  expect(sender.sent.map(valuesOf)).toEqual([["a 2"]]);
});

test("the next message follows when the last is confirmed, and the end waits for all", async () => {
  using sender = openSender();
  sender.connected(true);
  for (let index = 0; index < 15; index++) sender.record(`${index}`);
  let isFlushed = false;
  const flushed = sender.flush().then(() => (isFlushed = true));
  expect(sender.sent.map((message) => valuesOf(message).length)).toEqual([10]);
  sender.counted(7);
  expect(sender.sent).toHaveLength(1);
  sender.counted(1);
  expect(sender.sent.map(({ number, ...rest }) => [number, valuesOf({ number, ...rest }).length])).toEqual([
    [1, 10],
    [2, 5],
  ]);
  expect(isFlushed).toBe(false);
  sender.counted(2);
  await flushed;
  expect(sender.sent).toHaveLength(2);
});

test("a message that was not confirmed is sent to the next agent with its number and without later values", async () => {
  using sender = openSender();
  sender.connected(true);
  sender.record("a");
  void sender.flush();
  sender.connected(false);
  sender.record("a");
  sender.connected(true);
  const flushed = sender.flush();
  sender.counted(1);
  sender.counted(2);
  await flushed;
  expect(sender.sent.map((message) => [message.number, ...valuesOf(message)])).toEqual([
    [1, "a 1"],
    [1, "a 1"],
    [2, "a 1"],
  ]);
});

test("an agent that confirms nothing delays the end for two seconds only, and gets no flood", async () => {
  using sender = openSender({ intervalMs: 1 });
  sender.connected(true);
  sender.record("a");
  await sender.flush();
  expect(sender.sent).toHaveLength(1);
});
