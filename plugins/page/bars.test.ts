import { describe, expect, test } from "bun:test";
import { type Bar, toCourse, toTotals } from "./browser/bars.ts";
import { LogStore } from "./browser/log-store.ts";
import type { Block, Command, Job, Span } from "./browser/types.ts";

/** Times are seconds since the start of the job, at 100 s. */
const zero = 100_000;

interface Known {
  readonly job?: Partial<Job>;
  readonly commands?: readonly (readonly [title: string, from: number, to?: number, exitCode?: number])[];
  readonly blocks?: readonly (readonly [index: number, from: number, ms: number, kind: string])[];
  readonly spans?: readonly (readonly [
    kind: Span[0],
    name: string,
    from: number,
    ms: number,
    isOk?: 0 | 1,
  ])[];
  readonly assignedAt?: number;
  readonly end: number;
}

function courseOf({ job, commands = [], blocks = [], spans = [], assignedAt, end }: Known) {
  const store = new LogStore("a-job");
  const whole: Job = { id: "a-job", state: "finished", ...job };
  const list = commands.map(([directive, from, to, exitCode = 0]): Command => ({
    row: 0,
    directive,
    startedAt: 100 + from,
    ...(to !== undefined && { finishedAt: 100 + to, exitCode }),
  }));
  store.apply({ job: whole, total: 0, count: list.length, from: 0, rows: [], commands: list });
  store.timeline.add({
    limits: {},
    processors: 1,
    samples: [],
    blocks: blocks.map(([index, from, ms, kind]): Block => [index, zero + from * 1000, ms, kind]),
    spans: spans.map(([kind, name, from, ms, isOk = 1]): Span => [kind, name, zero + from * 1000, ms, isOk]),
    ...(assignedAt !== undefined && { assignedAt: zero + assignedAt * 1000 }),
  });
  return toCourse(store, whole, zero + end * 1000);
}

const toText = ({ kind, name, from, to }: Bar): string =>
  `${kind} ${name} ${(from - zero) / 1000}-${(to - zero) / 1000}`;

const textsOf = (known: Known): string[] => courseOf(known)!.bars.map(toText);

describe("the bars of a job", () => {
  test("are its blocks, and the phases and pulls that they leave", () => {
    expect(
      textsOf({
        commands: [
          ["Pulling docker images...", 2, 6],
          ["Starting the docker image...", 6, 8],
          ["make", 8, 12],
          ["make test", 13, 18, 1],
        ],
        blocks: [
          [0, 2, 4000, "executor"],
          [1, 6, 1500, "executor"],
          [2, 8, 4000, "command"],
          [3, 13, 5000, "command"],
        ],
        spans: [
          ["phase", "accept", 0, 1],
          ["phase", "start-executor", 0, 7500],
          ["pull", "alpine:3", 3, 2000],
          ["pull", "missing", 4, 1500, 0],
          ["phase", "commands", 8, 10_000],
          ["phase", "dispose", 18, 2000],
        ],
        end: 20,
      }),
    ).toEqual([
      "executor start of the executor 0-2",
      "image Pulling docker images... 2-3",
      "image alpine:3 3-5",
      "failed missing 5-5.5",
      "image Pulling docker images... 5.5-6",
      "executor Starting the docker image... 6-7.5",
      "command make 8-12",
      "failed make test 13-18",
      "executor end of the executor 18-20",
    ]);
  });

  test("have the kinds of their titles in a hub and while a block is open, and of their source where it is known", () => {
    const commands = [
      ["Exporting environment variables", 0, 1],
      ["Running the pre-job hook configured in the agent", 1, 2],
      ["Cache", 2, 3],
      ["Starting shell session...", 3],
    ] as const;
    const kinds = (known: Omit<Known, "end">) => courseOf({ ...known, end: 9 })!.bars.map(({ kind }) => kind);
    expect(kinds({ commands, job: { state: "running" } })).toEqual(["agent", "hook", "command", "executor"]);
    // A job can give its commands any title.
    const blocks = [
      [0, 0, 1000, "command"],
      [1, 1, 1000, "command"],
      [2, 2, 1000, "plugin cache"],
      [3, 3, 1000, "core"],
    ] as const;
    expect(kinds({ commands: [...commands.slice(0, 3), ["Ending the job", 3, 4]], blocks })).toEqual([
      "command",
      "command",
      "hook",
      "agent",
    ]);
  });

  test("begin with the wait before the job, which is shortened when it was long", () => {
    const job = { createdAt: zero - 60_000, startedAt: zero };
    const { bars, axis } = courseOf({ job, commands: [["make", 0, 10]], end: 10 })!;
    expect(bars.map(toText)).toEqual(["wait in the queue -1.5-0", "command make 0-10"]);
    expect(bars[0]!.tookMs).toBe(60_000);
    expect(axis).toEqual({ begin: zero - 1500, zero, end: zero + 10_000 });
    expect(toTotals(bars)).toEqual([
      ["wait", 60_000],
      ["command", 10_000],
    ]);
    // The clocks of a hub and its agents differ.
    const skewed = { createdAt: 5_000_000, startedAt: 5_001_000 };
    expect(
      textsOf({ job: skewed, commands: [["make", 0, 10]], spans: [["phase", "accept", 0, 1]], end: 10 }),
    ).toEqual(["wait in the queue -1-0", "command make 0-10"]);
    expect(textsOf({ assignedAt: -1, commands: [["make", 0, 10]], end: 10 })).toEqual([
      "wait the job is fetched and started -1-0",
      "command make 0-10",
    ]);
  });

  test("of a job in the queue are its wait", () => {
    expect(textsOf({ job: { state: "queued", createdAt: zero }, end: 30 })).toEqual([
      "wait in the queue 0-30",
    ]);
    expect(courseOf({ job: { state: "queued" }, end: 30 })).toBeUndefined();
  });

  test("of nothing that took time are still there", () => {
    expect(
      textsOf({
        commands: [
          ["", 0, 0],
          ["make", 0, 9],
        ],
        end: 9,
      }),
    ).toEqual(["command (empty command) 0-0", "command make 0-9"]);
  });
});
