import { describe, expect, test } from "bun:test";
import { createMetricsRegistry } from "../../../src/core/metrics/registry.ts";
import type { MetricDeclaration, MetricSeries } from "../../../src/index.ts";
import { createRecordingLogger, silentLogger } from "../../../src/testing/index.ts";

const counter = (change: object = {}): MetricDeclaration => ({
  plugin: "greeter",
  name: "greetings_total",
  kind: "counter",
  help: "Greetings.",
  labels: [],
  ...change,
});
const jobPlugins = new Set(["greeter"]);

/** Declares a metric, and returns what records its values and what was recorded. */
function openMetric(change: object = {}) {
  const logger = createRecordingLogger();
  const registry = createMetricsRegistry(logger);
  const { record } = registry.declare(counter(change), logger);
  return {
    record,
    series: () => registry.read()[0]!.series,
    warnings: () => logger.entries.map(({ message }) => message),
  };
}

describe("a metric", () => {
  test("has a name of its own among all metrics of the agent", () => {
    const registry = createMetricsRegistry(silentLogger);
    registry.declare(counter({ plugin: "job-hooks" }), silentLogger);
    expect(registry.read()[0]).toMatchObject({
      plugin: "job-hooks",
      name: "greetings_total",
      fullName: "signalman_plugin_job_hooks_greetings_total",
    });
  });

  test("that counts begins with 0 when it has no labels", () => {
    const { record, series } = openMetric();
    expect(series()).toEqual([{ labels: {}, value: 0 }]);
    record(2, undefined);
    record(0.5, undefined);
    expect(series()).toEqual([{ labels: {}, value: 2.5 }]);
  });

  test("keeps its labels' combinations apart, in the order of their declaration", () => {
    const { record, series } = openMetric({ labels: ["language", "polite"] });
    expect(series()).toEqual([]);
    record(1, { polite: true, language: "de" });
    record(2, { language: "de", polite: "true" });
    record(1, { language: "en", polite: 0 });
    expect(series()).toEqual([
      { labels: { language: "de", polite: "true" }, value: 3 },
      { labels: { language: "en", polite: "0" }, value: 1 },
    ]);
    expect(Object.keys(series()[0]!.labels)).toEqual(["language", "polite"]);
  });

  test("of the kind gauge has the last value", () => {
    const { record, series } = openMetric({ kind: "gauge", name: "queue" });
    expect(series()).toEqual([]);
    record(3, undefined);
    record(-1, undefined);
    expect(series()).toEqual([{ labels: {}, value: -1 }]);
  });

  test("of the kind histogram counts its values in buckets", () => {
    const { record, series } = openMetric({ kind: "histogram", name: "wait", buckets: [1, 5] });
    for (const value of [0, 1, 2, 9]) record(value, undefined);
    expect(series()).toEqual([{ labels: {}, value: 12, counts: [2, 1, 1] }]);
  });

  test("with 10,000 values of a label keeps 100 of them, and warns once with plugin and metric", () => {
    const { record, series, warnings } = openMetric({ labels: ["job"] });
    for (let job = 0; job < 10_000; job++) record(1, { job });
    expect(series()).toHaveLength(101);
    expect(series().at(-1)).toEqual({ labels: { job: "other" }, value: 9900 });
    expect(warnings()).toEqual([
      'metric "greetings_total" of plugin "greeter" has more than 100 combinations of label values: further ones are recorded as "other"',
    ]);
  });

  test("cuts the values of labels at 100 characters, without half characters", () => {
    const { record, series } = openMetric({ labels: ["text"] });
    record(1, { text: `${"x".repeat(99)}🚂` });
    record(1, { text: "x".repeat(2 ** 20) });
    expect(series().map(({ labels }) => labels["text"])).toEqual([
      `${"x".repeat(99)}\ufffd`,
      "x".repeat(100),
    ]);
  });

  test("shows control characters of labels and texts by their pictures", () => {
    const registry = createMetricsRegistry(silentLogger);
    const { record } = registry.declare(counter({ help: "A\u001b[2J", labels: ["text"] }), silentLogger);
    record(1, { text: "\u001b[2J\u202e" });
    expect(registry.read()[0]).toMatchObject({ help: "A␛[2J", series: [{ labels: { text: "␛[2J�" } }] });
  });

  test("never becomes infinite", () => {
    const { record, series } = openMetric();
    record(Number.MAX_VALUE, undefined);
    record(Number.MAX_VALUE, undefined);
    expect(series()).toEqual([{ labels: {}, value: Number.MAX_VALUE }]);
  });
});

test.each<[unknown, unknown, string]>([
  [Number.NaN, undefined, "NaN is not a finite number"],
  ["1", undefined, "a value of the type string is not a finite number"],
  [-1, undefined, "a counter cannot be changed by -1"],
  [1, { language: "de" }, "its labels do not match (expected: none)"],
])("the value %p with the labels %p is dropped, with one warning", (value, labels, warning) => {
  const { record, series, warnings } = openMetric();
  record(value, labels);
  record(value, labels);
  expect(series()).toEqual([{ labels: {}, value: 0 }]);
  expect(warnings()).toEqual([
    expect.stringContaining(`metric "greetings_total" of plugin "greeter" has dropped a value`),
  ]);
  expect(warnings()[0]).toContain(warning);
});

test.each<unknown>([undefined, null, {}, { langage: "de" }, { language: {} }, { language: "de", more: "1" }])(
  "the labels %j do not match a declared one",
  (labels) => {
    const { record, series, warnings } = openMetric({ labels: ["language"] });
    record(1, labels);
    expect(series()).toEqual([]);
    expect(warnings()).toEqual([expect.stringContaining("its labels do not match (expected: language)")]);
  },
);

test.each<[object, string]>([
  [{ name: "grüße_total" }, 'metric "grüße_total" needs a name of at most 80 ASCII letters'],
  [{ name: "a".repeat(75) + "_total" }, "needs a name of at most 80"],
  [{ name: 7 }, "metric 7 needs a name"],
  [{ name: "greetings" }, 'its name must end with "_total"'],
  [{ name: "greetings_total", kind: "gauge" }, 'must not end with "total", which is for counters'],
  [{ name: "greetings_count", kind: "gauge" }, 'must not end with "bucket", "sum" or "count"'],
  [{ name: "count", kind: "gauge" }, 'must not end with "bucket", "sum" or "count"'],
  [{ name: "total", kind: "gauge" }, 'must not end with "total"'],
  [{ help: "" }, 'needs a "help"'],
  [{ help: undefined }, 'needs a "help" of at most 200 characters, not undefined'],
  [{ help: "x".repeat(201) }, 'needs a "help"'],
  [{ labels: "language" }, 'must have at most 3 labels in a list, not "language"'],
  [{ labels: ["a", "b", "c", "d"] }, "must have at most 3 labels"],
  [{ labels: ["a", "a"] }, 'has an invalid label "a"'],
  [{ labels: ["le"] }, 'has an invalid label "le"'],
  [{ labels: ["__a"] }, 'has an invalid label "__a"'],
  [{ labels: [7] }, "has an invalid label 7"],
  [{ kind: "histogram", name: "wait" }, 'needs "buckets"'],
  [{ kind: "histogram", name: "wait", buckets: [] }, 'needs "buckets"'],
  [{ kind: "histogram", name: "wait", buckets: [2, 1] }, 'needs "buckets"'],
  [{ kind: "histogram", name: "wait", buckets: [1, Infinity] }, 'needs "buckets"'],
])("the declaration %j is refused", (change, message) => {
  const registry = createMetricsRegistry(silentLogger);
  expect(() => registry.declare(counter(change), silentLogger)).toThrow(message);
});

describe("names that collide are refused", () => {
  test("within a plugin", () => {
    const registry = createMetricsRegistry(silentLogger);
    registry.declare(counter(), silentLogger);
    expect(() => registry.declare(counter(), silentLogger)).toThrow(
      'metric "greetings_total" is declared twice',
    );
  });

  test("between two plugins, with both names", () => {
    const registry = createMetricsRegistry(silentLogger);
    registry.declare(counter({ plugin: "job", name: "hooks_total" }), silentLogger);
    registry.declare(counter({ plugin: "job-a", name: "total_total" }), silentLogger);
    expect(() => registry.declare(counter({ plugin: "job", name: "a_total_total" }), silentLogger)).toThrow(
      'two metrics would be exported as "signalman_plugin_job_a_total_total": "a_total_total" of plugin "job" and "total_total" of plugin "job-a"',
    );
  });

  test("and so is the 51st metric of a plugin", () => {
    const registry = createMetricsRegistry(silentLogger);
    for (let index = 0; index < 50; index++)
      registry.declare(counter({ name: `a${index}_total` }), silentLogger);
    expect(() => registry.declare(counter(), silentLogger)).toThrow("a plugin has at most 50");
    registry.declare(counter({ plugin: "other" }), silentLogger);
  });
});

describe("what a job's process takes", () => {
  test("is added up in the agent's, and taken once", () => {
    const [job, agent] = [createMetricsRegistry(silentLogger), createMetricsRegistry(silentLogger)];
    const histogram = { kind: "histogram", name: "wait", buckets: [1] };
    const metrics = [
      counter(),
      counter({ kind: "gauge", name: "queue", labels: ["of"] }),
      counter(histogram),
    ];
    const [total, queue, wait] = metrics.map((metric) => job.declare(metric, silentLogger));
    const move = () => agent.merge(JSON.parse(JSON.stringify(job.take(10))), jobPlugins);
    total!.record(2, undefined);
    queue!.record(7, { of: "jobs" });
    wait!.record(3, undefined);
    move();
    move();
    total!.record(1, undefined);
    queue!.record(5, { of: "jobs" });
    wait!.record(0.5, undefined);
    move();
    expect(agent.read().map(({ name, series }) => [name, series])).toEqual([
      ["greetings_total", [{ labels: {}, value: 3 }]],
      ["queue", [{ labels: { of: "jobs" }, value: 5 }]],
      ["wait", [{ labels: {}, value: 3.5, counts: [1, 1] }]],
    ]);
  });

  test("is at most as many series as requested", () => {
    const job = createMetricsRegistry(silentLogger);
    const { record } = job.declare(counter({ labels: ["id"] }), silentLogger);
    for (let id = 0; id < 25; id++) record(1, { id });
    const sizes = [1, 2, 3, 4].map(() => job.take(10).flatMap(({ series }) => series).length);
    expect(sizes).toEqual([10, 10, 5, 0]);
  });

  test("fits into a message of 64 KiB with the longest texts", () => {
    const job = createMetricsRegistry(silentLogger);
    const long = "\u0001".repeat(200);
    for (let index = 10; index < 20; index++) {
      const labels = ["a", "b", "c"].map((label) => label.repeat(40));
      const buckets = Array.from({ length: 30 }, (_, bound) => -1e-300 / 3 + (bound * 1e-290) / 3);
      const metric = { name: `${"m".repeat(78)}${index}`, kind: "histogram", help: long, labels, buckets };
      const { record } = job.declare(counter(metric), silentLogger);
      record(1e-300 / 3, Object.fromEntries(labels.map((label) => [label, long])));
    }
    const taken = job.take(10);
    expect(taken.flatMap(({ series }) => series)).toHaveLength(10);
    expect(Buffer.byteLength(JSON.stringify(taken))).toBeLessThan(63 * 1024);
  });

  test("of 10,000 jobs with a label value each is bounded", () => {
    const logger = createRecordingLogger();
    const agent = createMetricsRegistry(logger);
    for (let job = 0; job < 10_000; job++) {
      const series: MetricSeries[] = [{ labels: { job: `${job}` }, value: 1 }];
      agent.merge([{ ...counter({ labels: ["job"] }), series }], jobPlugins);
    }
    expect(agent.read()[0]!.series).toHaveLength(101);
    expect(logger.entries).toHaveLength(1);
    expect(logger.entries[0]).toMatchObject({ level: "warn", tag: "greeter" });
  });

  test.each<unknown>([
    null,
    7,
    "metrics",
    {},
    [null],
    [[]],
    [{ series: [] }],
    [{ ...counter(), plugin: "unknown", series: [{ labels: {}, value: 1 }] }],
    [{ ...counter(), plugin: "__proto__", series: [{ labels: {}, value: 1 }] }],
    [{ ...counter(), kind: "summary", series: [{ labels: {}, value: 1 }] }],
    [{ ...counter(), name: "a} 1\n", series: [{ labels: {}, value: 1 }] }],
    [{ ...counter(), labels: [["le"]], series: [{ labels: {}, value: 1 }] }],
    [{ ...counter(), series: { length: 1e9 } }],
  ])("is not trusted: %j", (given) => {
    const agent = createMetricsRegistry(silentLogger);
    agent.merge(given, jobPlugins);
    expect(agent.isEmpty).toBe(true);
  });

  test("changes no metric of another shape, and adds no invalid value", () => {
    const agent = createMetricsRegistry(silentLogger);
    const histogram = counter({ kind: "histogram", name: "wait", buckets: [1] });
    for (const metric of [counter(), histogram]) agent.declare(metric, silentLogger);
    const before = agent.read();
    const value = { labels: {}, value: 1, counts: [1, 0] };
    agent.merge(
      [
        { ...counter({ labels: ["a"] }), series: [{ labels: { a: "1" }, value: 1 }] },
        { ...counter(), series: [{ labels: {}, value: -1 }, { labels: {}, value: null }, 7, null] },
        { ...counter(), series: [{ labels: { a: "1" }, value: 1 }, { value: 1 }] },
        { ...histogram, buckets: [2], series: [value] },
        {
          ...histogram,
          series: [
            { ...value, counts: [1] },
            { ...value, counts: [-1, 0] },
          ],
        },
      ],
      jobPlugins,
    );
    expect(agent.read()).toEqual(before);
  });
});
