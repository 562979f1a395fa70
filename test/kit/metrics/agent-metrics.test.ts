import { describe, expect, test } from "bun:test";
import { createAgentMetrics } from "../../../src/kit/metrics/agent-metrics.ts";
import { createLogGrowth } from "../../../src/kit/metrics/log-metrics.ts";

const metrics = createAgentMetrics();
const isIncluded = (labels: readonly string[] | undefined, all: object | undefined) =>
  (labels ?? []).every((label) => Object.hasOwn(all ?? {}, label));

describe("every metric of the agent", () => {
  test("has an exporter and a source", () => {
    const idle = metrics.filter(
      ({ prometheus, statsd, on, read }) => !(prometheus ?? statsd) || !(on ?? read),
    );
    expect(idle).toEqual([]);
  });

  test("has a name of its own in each exporter", () => {
    for (const exporter of ["prometheus", "statsd"] as const) {
      const names = metrics.flatMap((metric) => metric[exporter]?.name ?? []);
      expect(names).toEqual([...new Set(names)]);
    }
  });

  test("exports no label that it does not declare", () => {
    const faulty = metrics.filter(
      ({ labels, prometheus, statsd }) =>
        !isIncluded(prometheus?.labels, labels) ||
        !isIncluded(statsd?.tags, labels) ||
        !isIncluded(Object.keys(statsd?.only ?? {}), labels),
    );
    expect(faulty).toEqual([]);
  });

  test("has a name for Prometheus that states kind and unit", () => {
    for (const { kind, unit, prometheus } of metrics) {
      if (!prometheus) continue;
      expect(prometheus.name).toMatch(
        kind === "counter" ? /^signalman_\w+_total$/ : /^signalman_\w+(?<!_total)$/,
      );
      if (unit) expect(prometheus.name).toContain(unit === "bytes" ? "_bytes" : "_seconds");
      expect(prometheus.buckets !== undefined).toBe(kind === "distribution");
    }
  });

  test("is a time in StatsD when it is a distribution", () => {
    const distributions = metrics.filter(({ kind, statsd }) => kind === "distribution" && statsd);
    expect(distributions.length).toBeGreaterThan(0);
    expect(distributions.filter(({ unit }) => unit !== "ms")).toEqual([]);
  });
});

test("two readers of a growing log each count all of it", () => {
  const log = { producedBytes: 10, deliveredBytes: 0, deliveredEvents: 0 };
  const job = { id: "a", executor: "shell", startedAt: 1, phase: "running", log } as const;
  const status = {
    version: "1",
    pid: 1,
    startedAt: 0,
    stateDirectory: "/nonexistent",
    slots: [{ slot: 0, state: "running", job } as const],
  };
  const [first, second] = [
    createLogGrowth((at) => at.producedBytes),
    createLogGrowth((at) => at.producedBytes),
  ];
  expect([first(status), first(status), second(status)]).toEqual([10, 0, 10]);
});
