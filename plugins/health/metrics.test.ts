import { expect, test } from "bun:test";
import { createAgentMetrics, definePlugin, type JobStatus } from "signalman";
import { jobRequest } from "signalman/testing";
import { type Family, parseExposition, valueOf } from "./testing/exposition.ts";
import { type HealthUnderTest, startHealth } from "./testing/scene.ts";

const scrape = async ({ get }: HealthUnderTest): Promise<ReadonlyMap<string, Family>> => {
  const answer = await get("/metrics");
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(await answer.text());
};

const job = (produced: number, delivered: number, change: Partial<JobStatus> = {}): JobStatus => ({
  id: "a-job",
  executor: "shell",
  startedAt: 1,
  phase: "running",
  log: { producedBytes: produced, deliveredBytes: delivered, deliveredEvents: 1 },
  ...change,
});

const bytes = async (health: HealthUnderTest) => {
  const found = await scrape(health);
  return ["bytes_total", "delivered_bytes_total", "waiting_bytes", "trimmed_bytes_total"].map((name) =>
    valueOf(found, `signalman_log_${name}`),
  );
};

test("an agent without jobs has all its metrics in a valid format", async () => {
  await using health = await startHealth();
  const found = await scrape(health);
  expect(valueOf(found, "signalman_build_info", { version: "1.2.3" })).toBe(1);
  expect(valueOf(found, "signalman_slots", { state: "waiting" })).toBe(1);
  expect(valueOf(found, "signalman_slots")).toBe(1);
  expect(valueOf(found, "signalman_jobs_running")).toBe(0);
  for (const [name, { type, samples }] of found) {
    if (/^signalman_(jobs_total|last_sync.*|hanging_hooks|slot_pause.*)$/.test(name)) continue;
    expect([name, type, samples.length > 0]).toEqual([name, type, true]);
  }
});

test("every metric that has a name for Prometheus is exported, and no other", async () => {
  await using health = await startHealth();
  const types = { counter: "counter", gauge: "gauge", distribution: "histogram" };
  const declared = createAgentMetrics().flatMap(({ kind, prometheus }) =>
    prometheus ? [[prometheus.name, types[kind]] as const] : [],
  );
  const found = [...(await scrape(health))].filter(([name]) => !name.startsWith("process_"));
  expect(found.map(([name, { type }]) => [name, type] as const)).toEqual(declared);
});

test("the process metrics are those of this process", async () => {
  await using health = await startHealth();
  const found = await scrape(health);
  expect(valueOf(found, "process_cpu_seconds_total")).toBeGreaterThan(0);
  expect(valueOf(found, "process_resident_memory_bytes")).toBeGreaterThan(10e6);
  expect(valueOf(found, "process_open_fds")).toBeGreaterThan(3);
  expect(valueOf(found, "process_max_fds")).toBeGreaterThan(3);
  expect(valueOf(found, "process_start_time_seconds")! * 1000).toBeLessThan(Date.now());
});

test("each listener that hangs is a sample until it returns", async () => {
  await using health = await startHealth();
  health.setHanging({ plugin: "slow", hook: "agent:synced", startedAt: 0 });
  const found = await scrape(health);
  expect(valueOf(found, "signalman_hanging_hooks", { plugin: "slow", hook: "agent:synced" })).toBe(1);
  health.setHanging();
  expect((await scrape(health)).get("signalman_hanging_hooks")?.samples).toEqual([]);
});

test("jobs are counted by result and executor, with all results from the start of a job", async () => {
  await using health = await startHealth();
  const { t } = health;
  await t.call("agent:job-started", { job: jobRequest({ executor: "shell" }) });
  const begun = await scrape(health);
  expect(valueOf(begun, "signalman_jobs_total", { executor: "shell", result: "failed" })).toBe(0);
  for (const result of ["passed", "passed", "failed"] as const) {
    await t.call("agent:job-ended", {
      job: jobRequest({ executor: "shell" }),
      result,
      durationMs: 61_000,
    });
  }
  await t.call("agent:job-ended", {
    job: jobRequest({ executor: "kubernetes" }),
    result: "stopped",
    durationMs: 500,
  });
  const found = await scrape(health);
  const total = (labels: Record<string, string>) => valueOf(found, "signalman_jobs_total", labels);
  expect(total({ executor: "shell", result: "passed" })).toBe(2);
  expect(total({ executor: "shell", result: "failed" })).toBe(1);
  expect(total({ executor: "kubernetes", result: "stopped" })).toBe(1);
  const bucket = (le: string) => valueOf(found, "signalman_job_duration_seconds_bucket", { le });
  expect(["1", "60", "120", "+Inf"].map(bucket)).toEqual([1, 1, 4, 4]);
  expect(valueOf(found, "signalman_job_duration_seconds_sum")).toBe(183.5);
});

test("arbitrary executor names create at most eleven label values", async () => {
  await using health = await startHealth();
  for (let index = 0; index < 50; index++) {
    await health.t.call("agent:job-ended", {
      job: jobRequest({ executor: `"evil\n\\${index}` }),
      result: "failed",
    });
  }
  const { samples } = (await scrape(health)).get("signalman_jobs_total")!;
  expect(new Set(samples.map(({ labels }) => labels["executor"])).size).toBe(11);
  expect(samples.find(({ labels }) => labels["executor"] === "other")?.value).toBe(40);
});

test("known resource usage of jobs is added up", async () => {
  await using health = await startHealth();
  const usage = {
    cpuUserMs: 1500,
    cpuSystemMs: 250,
    peakMemoryBytes: 100e6,
    readBytes: 7,
    writtenBytes: 9,
    oomKills: 1,
  };
  await health.t.call("agent:job-ended", { usage });
  await health.t.call("agent:job-ended", { usage: { cpuUserMs: 500 } });
  await health.t.call("agent:job-ended");
  const found = await scrape(health);
  const values = Object.fromEntries(
    [
      "cpu_seconds_total",
      "read_bytes_total",
      "written_bytes_total",
      "oom_kills_total",
      "peak_memory_bytes_count",
    ].map((name) => [name, valueOf(found, `signalman_job_${name}`)]),
  );
  expect(values).toEqual({
    cpu_seconds_total: 2.25,
    read_bytes_total: 7,
    written_bytes_total: 9,
    oom_kills_total: 1,
    peak_memory_bytes_count: 1,
  });
  expect(valueOf(found, "signalman_job_cpu_seconds_total", { mode: "user" })).toBe(2);
  expect(valueOf(found, "signalman_job_peak_memory_bytes_bucket", { le: String(2 ** 27) })).toBe(1);
});

test("syncs have a duration, failed syncs are counted, and the last answered sync has a timestamp", async () => {
  await using health = await startHealth();
  await health.t.call("agent:synced", { slot: 0, durationMs: 20 });
  await health.t.call("agent:synced", { slot: 1, durationMs: 2000, error: "timed out" });
  health.setSlots({ sync: { succeededAt: 5000, durationMs: 20, failures: 0 } }, { state: "starting" });
  const found = await scrape(health);
  expect(valueOf(found, "signalman_sync_duration_seconds_count")).toBe(2);
  expect(valueOf(found, "signalman_sync_duration_seconds_bucket", { le: "0.025" })).toBe(1);
  expect(valueOf(found, "signalman_sync_failures_total")).toBe(1);
  expect(valueOf(found, "signalman_last_sync_timestamp_seconds", { slot: "0" })).toBe(5);
  expect(valueOf(found, "signalman_last_sync_timestamp_seconds", { slot: "1" })).toBeUndefined();
});

test("each byte of a growing log is counted once", async () => {
  await using health = await startHealth();
  health.setSlots({ state: "running", job: job(1000, 400) });
  expect(await bytes(health)).toEqual([1000, 400, 600, 0]);
  expect(await bytes(health)).toEqual([1000, 400, 600, 0]);
  health.setSlots(
    { state: "running", job: job(1500, 1500) },
    { state: "running", job: job(10, 0, { id: "other" }) },
  );
  expect(await bytes(health)).toEqual([1510, 1500, 10, 0]);
  health.setSlots({}, {});
  expect(await bytes(health)).toEqual([1510, 1500, 0, 0]);
  health.setSlots({ state: "running", job: job(7, 7, { id: "the next" }) });
  expect(await bytes(health)).toEqual([1517, 1507, 0, 0]);
});

test("a log without scrapes is counted at its end, and its undelivered bytes are trimmed", async () => {
  await using health = await startHealth();
  health.setSlots({ state: "running", job: job(1000, 400, { phase: "flushing" }) });
  await health.t.call("agent:job-ended", {
    slot: 0,
    jobId: "a-job",
    delivery: { trimmed: true, undelivered: 3 },
    log: { events: 9, bytes: 1000, droppedBytes: 50 },
  });
  health.setSlots({ state: "running", job: job(1000, 400, { phase: "reporting" }) });
  expect(await bytes(health)).toEqual([1000, 400, 0, 600]);
  expect(valueOf(await scrape(health), "signalman_log_dropped_bytes_total")).toBe(50);
  expect(valueOf(await scrape(health), "signalman_jobs_running")).toBe(0);
});

test("metrics of plugins are exported in a valid format, whatever their texts contain", async () => {
  const plugin = definePlugin({
    name: "build-cache",
    setup(ctx) {
      const help = "Lookups,\n\\ by their result.";
      const lookups = ctx.metrics.counter("lookups_total", { help, labels: ["result"] });
      const size = ctx.metrics.gauge("size_bytes", { help: "Size." });
      const seconds = ctx.metrics.histogram("seconds", { help: "Durations.", buckets: [0.5, 1e22] });
      ctx.hook("agent:registered", () => {
        lookups.inc(1, { result: "hit" });
        lookups.inc(2, { result: 'a "miss"\n\\ \u{1f682}' });
        size.set(-1.5);
        for (const value of [0.1, 0.5, 2, 1e300]) seconds.observe(value);
      });
    },
  });
  await using health = await startHealth(undefined, {}, [plugin]);
  expect([...(await scrape(health)).keys()]).toContain("signalman_plugin_build_cache_lookups_total");
  await health.t.call("agent:registered");
  const found = await scrape(health);
  const prefix = "signalman_plugin_build_cache";
  expect(found.get(`${prefix}_lookups_total`)).toEqual({
    type: "counter",
    samples: [
      { name: `${prefix}_lookups_total`, labels: { result: "hit" }, value: 1 },
      { name: `${prefix}_lookups_total`, labels: { result: 'a "miss"\n\\ \u{1f682}' }, value: 2 },
    ],
  });
  expect(valueOf(found, `${prefix}_size_bytes`)).toBe(-1.5);
  expect(found.get(`${prefix}_seconds`)?.samples.map(({ labels, value }) => [labels["le"], value])).toEqual([
    ["0.5", 2],
    ["1e+22", 3],
    ["+Inf", 4],
    [undefined, 1e300],
    [undefined, 4],
  ]);
});

test("no metric of the agent has the prefix of plugins", () => {
  const names = createAgentMetrics().flatMap(({ prometheus }) => prometheus?.name ?? []);
  expect(names.filter((name) => name.startsWith("signalman_plugin_"))).toEqual([]);
});
