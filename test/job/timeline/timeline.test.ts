import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatSample, type UsageSample } from "../../../src/job/timeline/lines.ts";
import { createTimelineReader } from "../../../src/job/timeline/read-timeline.ts";
import { recordTimeline } from "../../../src/job/timeline/record-timeline.ts";
import { mostTimelineBytes, openTimelineFile } from "../../../src/job/timeline/timeline-file.ts";
import { createBlockWatch } from "../../../src/job/log/block-watch.ts";
import { createRecordingLogger, tmpdir } from "../../../src/testing/index.ts";

const sampleAt = (at: number, memoryBytes = at): UsageSample => ({
  at,
  cpuUserMs: at * 2,
  cpuSystemMs: at,
  memoryBytes,
  readBytes: 123_456_789,
  writtenBytes: 123_456_789,
});

async function until(what: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !what(); await Bun.sleep(10))
    if (Date.now() > deadline) throw new Error("it did not happen within a minute");
}

test("what an executor reports is sampled, and the blocks of the log are recorded, until the end", async () => {
  await using place = await tmpdir();
  const path = join(place.path, "timeline.ndjson");
  const watch = createBlockWatch();
  const logger = createRecordingLogger();
  let cpuUserMs = 100;
  const executor = () => ({
    usage: async () => ({
      cpuUserMs: (cpuUserMs += 1),
      cpuSystemMs: 0.4,
      memoryBytes: 5,
      readBytes: Number.NaN,
      // Those of a pod's template count.
      limits: { memoryBytes: 2 ** 20, cpus: "many" as never },
    }),
  });
  const recorder = recordTimeline({
    path,
    limits: { memoryBytes: 2 ** 30, pids: 9 },
    assignedAt: 3,
    executor,
    log: { watch, blocks: 4 },
    logger,
  });
  await watch.begin("npm install", { kind: "plugin", plugin: "cache" })!(3);
  watch.observer!.phaseEnded({ phase: "start-executor", startedAt: 5, durationMs: 7.4, isOk: true });
  watch.observer!.imagePulled({ image: "alpine:3", startedAt: 6.5, durationMs: 2, isOk: false });
  const reader = createTimelineReader(path);
  await until(() => reader.read().samples.length >= 2);
  recorder[Symbol.dispose]();
  expect(watch.begin("another", { kind: "core" })).toBeUndefined();
  const { limits, processors, samples, blocks, ...rest } = reader.read();
  expect(limits).toEqual({ memoryBytes: 2 ** 20, pids: 9 });
  expect(rest).toEqual({
    phases: [{ phase: "start-executor", startedAt: 5, durationMs: 7, isOk: true }],
    pulls: [{ image: "alpine:3", startedAt: 7, durationMs: 2, isOk: false }],
    assignedAt: 3,
  });
  expect(readFileSync(path, "utf8").match(/"limits"/g)).toHaveLength(2);
  expect(processors).toBeGreaterThan(0);
  expect(samples[0]).toEqual({
    at: expect.any(Number),
    cpuUserMs: 101,
    cpuSystemMs: 0,
    memoryBytes: 5,
  });
  expect(samples[1]!.cpuUserMs).toBe(102);
  expect(blocks).toEqual([
    {
      index: 3,
      source: { kind: "plugin", plugin: "cache" },
      startedAt: expect.any(Number),
      durationMs: expect.any(Number),
      exitCode: 3,
    },
  ]);
  // Nothing of a job's text.
  expect(readFileSync(path, "utf8")).not.toContain("npm");
});

test.each([
  ["fails", () => Promise.reject(new Error("no figures"))],
  ["reports nothing that is a number", async () => ({ cpuUserMs: "7", memoryBytes: null }) as never],
  [
    "throws",
    () => {
      throw new Error("at once");
    },
  ],
])("an executor that %s hurts nothing", async (_, usage) => {
  await using place = await tmpdir();
  const path = join(place.path, "timeline.ndjson");
  let calls = 0;
  const executor = () => ({
    usage: () => {
      calls += 1;
      return usage();
    },
  });
  using _recorder = recordTimeline({
    path,
    limits: {},
    executor,
    log: { watch: createBlockWatch(), blocks: 0 },
    logger: createRecordingLogger(),
  });
  await until(() => calls >= 2);
  expect(createTimelineReader(path).read().samples).toEqual([]);
});

test("a file that cannot be opened is reported, and the job goes on", async () => {
  await using place = await tmpdir();
  mkdirSync(join(place.path, "timeline.ndjson"));
  const logger = createRecordingLogger();
  const watch = createBlockWatch();
  const path = join(place.path, "timeline.ndjson");
  recordTimeline({ path, limits: {}, executor: () => undefined, log: { watch, blocks: 0 }, logger })[
    Symbol.dispose
  ]();
  expect(logger.entries.map(({ message }) => message)).toEqual([
    expect.stringContaining("the timeline of the job is not recorded: "),
  ]);
  expect(watch.begin("a block", { kind: "core" })).toBeUndefined();
});

test("a full file loses every second sample and keeps peaks, totals and blocks; a reader notices it", async () => {
  await using place = await tmpdir();
  const path = join(place.path, "timeline.ndjson");
  using file = openTimelineFile(path);
  file.append(`{"limits":{"cpus":2},"processors":8}`);
  file.append(`{"index":0,"source":{"kind":"core"},"startedAt":1,"durationMs":2,"exitCode":0}`);
  file.append(`{"phase":"accept","startedAt":1,"durationMs":2,"isOk":true}`);
  const reader = createTimelineReader(path);
  let thinned = 0;
  let at = 1_700_000_000_000;
  for (; thinned < 2; at += 1000) {
    if (file.append(formatSample(sampleAt(at, at === 1_700_000_000_000 ? 9e15 : 7)))) thinned += 1;
    if (at % 100_000 === 0) reader.read();
  }
  expect(statSync(path).size).toBeLessThan(mostTimelineBytes * 0.8);
  const { limits, processors, samples, blocks, phases } = reader.read();
  expect([limits, processors, blocks.length, phases.length]).toEqual([{ cpus: 2 }, 8, 1, 1]);
  expect(samples.length).toBeWithin(2000, 4097);
  expect(samples[0]!.memoryBytes).toBe(9e15);
  expect(samples.at(-1)).toEqual(sampleAt(at - 1000, 7));
  expect(samples).toEqual(samples.toSorted((a, b) => a.at - b.at));
});

test("what a job writes into the file is read up to its limit, and only as far as it has the form of a sample", async () => {
  await using place = await tmpdir();
  const path = join(place.path, "timeline.ndjson");
  using file = openTimelineFile(path);
  file.append(formatSample(sampleAt(1000)));
  appendFileSync(
    path,
    `[]\n[null,1]\n[2000,"<b>"]\n{"index":0,"source":{"kind":"evil"},"startedAt":1,"durationMs":1,"exitCode":0}\nnull\n7\n{"phase":"evil","startedAt":1,"durationMs":1}\n{"image":7,"startedAt":1,"durationMs":1}\n{"phase":"commands","startedAt":"1"}\n{"limits":{"cpus":-1,"memoryBytes":"x"},"processors":"many","assignedAt":-1}\n[1e999,1]\n[500,1]\n[3000,1]\n`,
  );
  const reader = createTimelineReader(path);
  expect(reader.read()).toEqual({
    limits: {},
    processors: 0,
    samples: [sampleAt(1000), { at: 3000, cpuUserMs: 1 }],
    blocks: [],
    phases: [],
    pulls: [],
  });
  appendFileSync(path, `${"x".repeat(4 * mostTimelineBytes)}\n[4000,1]\n`);
  expect(reader.read().samples).toHaveLength(2);
  // The writer does not read such a file into memory, and goes on without it.
  for (let at = 0; at < 30_000; at += 1) file.append(formatSample(sampleAt(5000 + at)));
  expect(reader.read().samples).toHaveLength(2);
});

test("a link or a FIFO in the place of the file is not followed", async () => {
  await using place = await tmpdir();
  const target = join(place.path, "target");
  writeFileSync(target, "[1,2]\n");
  const link = join(place.path, "timeline.ndjson");
  symlinkSync(target, link);
  expect(() => openTimelineFile(link)).toThrow("symbolic link");
  expect(createTimelineReader(link).read().samples).toEqual([]);
  const fifo = join(place.path, "fifo");
  Bun.spawnSync(["mkfifo", fifo]);
  expect(() => openTimelineFile(fifo)).toThrow("FIFO");
  expect(createTimelineReader(fifo).read().samples).toEqual([]);
});

test("another process of the job continues the file, also after a line that was cut", async () => {
  await using place = await tmpdir();
  const path = join(place.path, "timeline.ndjson");
  writeFileSync(path, "[1000,5]\n[20", { mode: 0o600 });
  using file = openTimelineFile(path);
  file.append("[3000,1]");
  expect(createTimelineReader(path).read().samples).toEqual([
    { at: 1000, cpuUserMs: 5 },
    { at: 3000, cpuUserMs: 1 },
  ]);
});

test("of phases and pulls at most 200 are recorded and read", async () => {
  await using place = await tmpdir();
  const path = join(place.path, "timeline.ndjson");
  const watch = createBlockWatch();
  const recorder = recordTimeline({
    path,
    limits: {},
    executor: () => undefined,
    log: { watch, blocks: 0 },
    logger: createRecordingLogger(),
  });
  for (let at = 0; at < 300; at += 1)
    watch.observer!.imagePulled({ image: "x".repeat(1000), startedAt: at, durationMs: 1, isOk: true });
  recorder[Symbol.dispose]();
  expect(readFileSync(path, "utf8").split("\n")).toHaveLength(202);
  appendFileSync(path, `{"phase":"finish","startedAt":1,"durationMs":2,"isOk":true}\n`);
  const { phases, pulls } = createTimelineReader(path).read();
  expect([phases.length, pulls.length, pulls[0]!.image.length]).toEqual([0, 200, 300]);
});
