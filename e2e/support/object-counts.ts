import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { countObjects, findGrowth, type ObjectCounts } from "../../plugins/serve/testing/object-growth.ts";
import type { Tester } from "./fixtures.ts";
import { until } from "./jobs.ts";

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

/** Expects that an agent keeps nothing of the `second` jobs that it runs after the `first`. */
export async function expectJobsKeepNothing(
  counter: ObjectCounter,
  [first, second]: readonly [first: number, second: number],
  runJobs: (count: number) => Promise<void>,
): Promise<void> {
  await runJobs(first);
  const before = await counter.after(first);
  await runJobs(second);
  expectNoGrowth(before, await counter.after(first + second), second);
}

/** Expects that a process keeps nothing of what it did `times` times between two counts. */
export function expectNoGrowth(before: ObjectCounts, after: ObjectCounts, times: number): void {
  expect(findGrowth(before, after, times, limitOf)).toEqual([]);
}

/** Counts the objects of this process of the types that a held job or request has. */
export async function countHeldObjects(): Promise<ObjectCounts> {
  return Object.fromEntries(Object.entries(await countObjects()).filter(([type]) => heldTypes.test(type)));
}

/** Types of which a single object for each job shows that something holds the job. */
const heldTypes =
  /^(AbortController|AbortSignal|Subprocess|FileSink|Timeout|DOMException|TCPSocket|UnixSocket)$/;

function limitOf(type: string): number {
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
