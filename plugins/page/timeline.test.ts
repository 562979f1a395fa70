import { describe, expect, test } from "bun:test";
import type { JobTimeline } from "signalman";
import { toMemoryNeed, toSizeHint } from "./browser/size-hint.ts";
import type { Sample, Timeline } from "./browser/types.ts";
import { toUsageSeries, valueAt } from "./browser/usage-series.ts";
import { toSpan } from "./browser/words.ts";
import { createBoard, job, openPage, output } from "./testing/scene.ts";

const mebi = 2 ** 20;

function timelineOf(count: number): JobTimeline {
  return {
    limits: { cpus: 2 },
    processors: 4,
    samples: Array.from({ length: count }, (_, index) => ({
      at: 1000 + index * 1000,
      cpuUserMs: index * 400,
      cpuSystemMs: index * 100,
      memoryBytes: index === 7 ? 9000 : 10,
    })),
    blocks: [
      { index: 0, source: { kind: "core" }, startedAt: 1000, durationMs: 3, exitCode: 0 },
      {
        index: 1,
        source: { kind: "plugin", plugin: "cache" },
        startedAt: 1003,
        durationMs: 300,
        exitCode: 0,
      },
    ],
    phases: [{ phase: "start-executor", startedAt: 1000, durationMs: 40, isOk: true }],
    pulls: [{ image: "alpine:3", startedAt: 1010, durationMs: 20, isOk: false }],
    assignedAt: 900,
  };
}

describe("the timeline of a job", () => {
  test("is sent with about a thousand samples and the peaks of all", async () => {
    const board = createBoard({ kind: "agent", timeline: timelineOf(4000) });
    board.add("a-job", output("a line\n"));
    await using page = await openPage({}, board);
    const { samples, ...rest } = (await (await page.get("/api/jobs/a-job/timeline")).json()) as Timeline;
    expect(rest).toEqual({
      limits: { cpus: 2 },
      processors: 4,
      blocks: [
        [0, 1000, 3, "core"],
        [1, 1003, 300, "plugin cache"],
      ],
      spans: [
        ["phase", "start-executor", 1000, 40, 1],
        ["pull", "alpine:3", 1010, 20, 0],
      ],
      assignedAt: 900,
    });
    expect(samples).toHaveLength(1000);
    expect(samples[1]).toEqual([8000, 3500, 9000, null, null]);
    expect(samples.at(-1)).toEqual([4_000_000, 1_999_500, 10, null, null]);
    expect((await page.get("/api/jobs/unknown/timeline")).status).toBe(404);
  });

  test("is not that of a hub, which says so", async () => {
    await using page = await openPage();
    page.board.add("a-job", output("a line\n"));
    const answer = await page.get("/api/jobs/a-job/timeline");
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { error: "the use of jobs over time is on the page of the agent" },
    ]);
  });

  test("comes with the messages about a running job", async () => {
    const board = createBoard({ kind: "agent", timeline: timelineOf(30) });
    board.state = { agents: [], jobs: [job()] };
    board.add("a-job", output("a line\n"));
    await using page = await openPage({}, board);
    const reader = (await page.get("/api/jobs/a-job/events")).body!.getReader();
    const text = new TextDecoder().decode((await reader.read()).value);
    await reader.cancel();
    const { timeline } = JSON.parse(text.slice("data: ".length)) as { timeline: Timeline };
    expect(timeline.samples.map(([at]) => at)).toEqual([
      23_000, 24_000, 25_000, 26_000, 27_000, 28_000, 29_000, 30_000,
    ]);
    expect(timeline.blocks).toHaveLength(2);
    expect(timeline.spans).toHaveLength(2);
    expect(timeline.limits).toEqual({ cpus: 2 });
  });
});

describe("the figures over time", () => {
  test("are rates of totals, also after the totals began again", () => {
    const samples: Sample[] = [
      [2000, 500, 100, 1000, 0],
      [4000, 2500, 300, 1000, 4000],
      [5000, 200, 200, null, null],
    ];
    const { cpu, memory, storage } = toUsageSeries(samples, 1000);
    expect(cpu!.points.map(({ value }) => value)).toEqual([0.5, 1, 0.2]);
    expect(cpu!.average).toBeCloseTo((0.5 + 2 + 0.2) / 4);
    expect(memory!.peak).toEqual({ at: 4000, value: 300 });
    expect(storage!.points).toEqual([
      { at: 2000, value: 1000 },
      { at: 4000, value: 2000 },
    ]);
    expect([valueAt(memory, 1500), valueAt(memory, 3000), valueAt(memory, 5000)]).toEqual([100, 300, 200]);
    expect(toUsageSeries([], 0)).toEqual({ cpu: undefined, memory: undefined, storage: undefined });
  });

  test("lead to a hint for the right size", () => {
    const hint = (
      { cpus, mebibytes }: { cpus: number; mebibytes: number },
      limits: Timeline["limits"],
      seconds = 60,
    ) => {
      const samples = Array.from({ length: seconds }, (_, index): Sample => [
        index * 1000,
        index * cpus * 1000,
        mebibytes * mebi,
        null,
        null,
      ]);
      const timeline: Timeline = { limits, processors: 4, samples, blocks: [], spans: [] };
      return toSizeHint(timeline, toUsageSeries(samples, 0));
    };
    expect(hint({ cpus: 1.2, mebibytes: 300 }, {})).toBe("384 MiB of memory; 1.5 CPUs");
    expect(hint({ cpus: 1.2, mebibytes: 300 }, { memoryBytes: 2048 * mebi, cpus: 4 })).toBe(
      "384 MiB of memory are enough; 1.5 CPUs are enough",
    );
    expect(hint({ cpus: 1.9, mebibytes: 960 }, { memoryBytes: 1024 * mebi, cpus: 2 })).toBe(
      "1280 MiB of memory, since the peak is near the limit; more than 2 CPUs would make it faster",
    );
    expect(hint({ cpus: 1.2, mebibytes: 700 }, { memoryBytes: 1024 * mebi, cpus: 2 })).toBe(
      "the memory limit fits; the CPU limit fits",
    );
    expect(hint({ cpus: 1, mebibytes: 1 }, {}, 20)).toBeUndefined();
    expect(toMemoryNeed(1000 * mebi)).toBe(1280 * mebi);
  });
});

test("durations below ten seconds have tenths, except those of logs", () => {
  expect([0, 30, 340, 1000, 1416, 9949, 9990, 184_000].map(toSpan)).toEqual([
    "< 1 s",
    "0.1 s",
    "0.3 s",
    "1 s",
    "1.4 s",
    "9.9 s",
    "10 s",
    "3 min 04 s",
  ]);
});
