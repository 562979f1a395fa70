import { describe, expect, test } from "bun:test";
import { createRecordingLogger } from "signalman/testing";
import { createEventLog } from "../testing/scene.ts";
import { type ChangeKind, createWriteBehind, type WriteBehindOptions } from "./write-behind.ts";

function open(write: WriteBehindOptions["write"], options: Partial<WriteBehindOptions> = {}) {
  const outcomes = createEventLog<string>();
  const logger = createRecordingLogger();
  const behind = createWriteBehind({
    write,
    count: outcomes.add,
    logger,
    retryMs: 1,
    drainMs: 60_000,
    ...options,
  });
  const warnings = () => logger.entries.flatMap(({ level, message }) => (level === "warn" ? [message] : []));
  return { behind, outcomes, warnings };
}

describe("changes that wait", () => {
  test("are made one at a time for each object, the last one of each", async () => {
    const calls: string[] = [];
    const first = Promise.withResolvers<void>();
    const at = open(async (key, kind) => {
      calls.push(`${kind} ${key}`);
      if (calls.length === 1) await first.promise;
      return true;
    });
    const kinds: ChangeKind[] = ["put", "remove", "put", "remove"];
    for (const kind of kinds) at.behind.add("a", kind);
    expect([calls, at.behind.isRemoved("a")]).toEqual([["put a"], true]);
    first.resolve();
    await at.behind[Symbol.asyncDispose]();
    expect([calls, at.behind.isRemoved("a")]).toEqual([["put a", "remove a"], false]);
  });

  test("are tried again, and dropped in the end", async () => {
    let failures = 3;
    const calls: string[] = [];
    const at = open(async (key) => {
      calls.push(key);
      if (key === "bad" || failures-- > 0) throw new Error("down");
      return true;
    });
    at.behind.add("good", "put");
    await at.outcomes.until("written");
    at.behind.add("bad", "put");
    await at.outcomes.until("dropped");
    expect(calls.filter((key) => key === "good")).toHaveLength(4);
    expect(calls.filter((key) => key === "bad")).toHaveLength(8);
    expect(at.warnings().join()).toContain("was not passed on to cache-upstream in 8 attempts");
    await at.behind[Symbol.asyncDispose]();
  });

  test("are bounded, and those beyond are counted", async () => {
    const at = open(() => new Promise(() => {}), { most: 10, drainMs: 1 });
    for (let index = 0; index < 1000; index++) at.behind.add(String(index), "put");
    expect(at.outcomes.all).toHaveLength(990);
    await at.behind[Symbol.asyncDispose]();
    expect(at.warnings()).toEqual([
      "more than 10 objects wait for cache-upstream: others are dropped",
      "10 objects of the cache were not passed on to cache-upstream",
    ]);
  });

  test("are made before the end, and cancelled when that takes too long", async () => {
    const aborted = Promise.withResolvers<void>();
    const at = open(
      (_key, _kind, signal) => {
        signal.addEventListener("abort", () => aborted.resolve());
        return new Promise(() => {});
      },
      { drainMs: 1 },
    );
    at.behind.add("a", "put");
    await at.behind[Symbol.asyncDispose]();
    await aborted.promise;
    expect(at.warnings()).toEqual(["1 objects of the cache were not passed on to cache-upstream"]);
  });
});
