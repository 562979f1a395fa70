import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { Tester } from "./fixtures.ts";
import { until } from "./jobs.ts";

/** Objects of a process after a garbage collection: type → number. */
export type ObjectCounts = Readonly<Record<string, number>>;

/**
 * A plugin that counts the objects of its process when a hook is called for the nth time, for each n of `at`.
 */
export interface ObjectCounter {
  /** The path of a configuration file with the plugin. */
  readonly config: string;
  /** Resolves with the counts after the nth call. */
  after(count: number): Promise<ObjectCounts>;
}

export async function createObjectCounter(
  tester: Tester,
  hook: "agent:job-ended" | "command:end",
  at: readonly number[],
  settleMs = 300,
): Promise<ObjectCounter> {
  const file = (count: number | string) => path.join(tester.home, `objects-${count}.json`);
  await tester.write("count-objects.ts", pluginText(hook, { at, settleMs, file: file("#") }));
  const plugins = { "./count-objects.ts": {} };
  const config = await tester.write("counting.json", JSON.stringify({ extends: "./fast.json", plugins }));
  return {
    config,
    async after(count) {
      await until(`objects were counted after ${count} calls`, () => existsSync(file(count)));
      return JSON.parse(readFileSync(file(count), "utf8")) as ObjectCounts;
    },
  };
}

/** Expects that a process keeps nothing of what it did `times` times between two counts. */
export function expectNoGrowth(before: ObjectCounts, after: ObjectCounts, times: number): void {
  const grown = Object.entries(after).flatMap(([type, count]) => {
    const each = (count - (before[type] ?? 0)) / times;
    return each > limits(type) && !isCode.test(type) ? [`${each.toFixed(2)} ${type}`] : [];
  });
  expect(grown).toEqual([]);
}

/**
 * Counts the objects of this process after a garbage collection: the types that a held job or request has.
 */
export async function countObjects(): Promise<ObjectCounts> {
  const { heapStats } = await import("bun:jsc");
  // What the last call itself holds is gone a moment later.
  await Bun.sleep(300);
  Bun.gc(true);
  Bun.gc(true);
  const { objectTypeCounts } = heapStats();
  return Object.fromEntries(Object.entries(objectTypeCounts).filter(([type]) => heldTypes.test(type)));
}

/** Types of which a single object for each job shows that something holds the job. */
const heldTypes =
  /^(AbortController|AbortSignal|Subprocess|FileSink|Timeout|DOMException|TCPSocket|UnixSocket)$/;

/** What the engine makes of functions that are called often. */
const isCode = /Code|Executable|Structure|SymbolTable/;

function limits(type: string): number {
  return heldTypes.test(type) ? 0.1 : 0.5;
}

interface CountingOptions {
  readonly at: readonly number[];
  /** Milliseconds from the call to the count, for what the call itself holds. */
  readonly settleMs: number;
  /** Path of the counts; `#` stands for the number of calls. */
  readonly file: string;
}

function pluginText(hook: string, { at, settleMs, file }: CountingOptions): string {
  return `
    import { heapStats } from "bun:jsc";
    import { renameSync, writeFileSync } from "node:fs";

    let calls = 0;
    const count = (calls) => {
      Bun.gc(true);
      Bun.gc(true);
      const file = ${JSON.stringify(file)}.replace("#", calls);
      writeFileSync(file + ".new", JSON.stringify(heapStats().objectTypeCounts));
      renameSync(file + ".new", file);
    };
    export default {
      name: "count-objects",
      runsIn: [${JSON.stringify(hook.startsWith("agent:") ? "agent" : "job")}],
      setup(ctx) {
        ctx.hook(${JSON.stringify(hook)}, () => {
          calls += 1;
          if (${JSON.stringify(at)}.includes(calls)) setTimeout(count, ${settleMs}, calls);
        });
      },
    };
  `;
}
