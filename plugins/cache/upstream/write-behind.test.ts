import { describe, expect, test } from "bun:test";
import { createEventLog } from "../testing/scene.ts";
import { openWriteBehind as open } from "../testing/write-behind.ts";
import type { ChangeKind } from "./change-journal.ts";

describe("changes that wait", () => {
  test("are made one at a time for each object, the last one of each", async () => {
    const calls: string[] = [];
    const first = Promise.withResolvers<void>();
    const at = open(async (key, kind) => {
      calls.push(`${kind} ${key}`);
      if (calls.length === 1) await first.promise;
      return "written";
    });
    const kinds: ChangeKind[] = ["put", "remove", "put", "remove"];
    for (const kind of kinds) at.add("p/a", kind);
    expect([calls, at.behind.isRemoved("p/a")]).toEqual([["put p/a"], true]);
    first.resolve();
    await at.behind[Symbol.asyncDispose]();
    expect([calls, at.behind.isRemoved("p/a")]).toEqual([["put p/a", "remove p/a"], false]);
  });

  test("are kept while the upstream is away, one tries it now and then, and all are passed on in the end", async () => {
    let isAway = true;
    const calls: string[] = [];
    const tries = createEventLog<string>();
    let [running, mostRunning] = [0, 0];
    const at = open(async (key) => {
      running += 1;
      if (calls.length >= 4) mostRunning = Math.max(mostRunning, running);
      calls.push(key);
      await Promise.resolve();
      running -= 1;
      tries.add("try");
      if (isAway)
        throw Object.assign(new Error("no connection"), { name: "S3Error", code: "ConnectionRefused" });
      return "written";
    });
    const keys = Array.from({ length: 50 }, (_, index) => `${index % 5}/${index}`);
    for (const key of keys) at.add(key, "put");
    await tries.until("try", 30);
    expect([mostRunning, at.behind.waiting.count, at.outcomes.all]).toEqual([1, 50, []]);
    expect(new Set(calls.slice(4)).size).toBeGreaterThan(1);
    isAway = false;
    calls.length = 0;
    await at.outcomes.until("written", 50);
    expect(calls.filter((key) => keys.includes(key)).length).toBe(50);
    expect(at.behind.waiting).toEqual({ count: 0, since: undefined });
    expect(at.warnings()).toEqual([
      "cache-upstream takes no objects, which wait for it: ConnectionRefused: no connection",
    ]);
    await at.behind[Symbol.asyncDispose]();
  });

  test("are not held up by one that fails each time", async () => {
    const at = open(
      async (key) => {
        if (key === "p/bad") throw new Error("no answer");
        return "written";
      },
      { drainMs: 1 },
    );
    at.add("p/bad", "put");
    for (let index = 0; index < 100; index++) at.add(`p/${index}`, "put");
    await at.outcomes.until("written", 100);
    expect([at.behind.waiting.count, at.outcomes.all.includes("dropped")]).toEqual([1, false]);
    await at.behind[Symbol.asyncDispose]();
  });

  test("are dropped when the upstream refuses them, and a line names the reason", async () => {
    const refuse = (code: string) => Object.assign(new Error("it does"), { name: "S3Error", code });
    const calls: string[] = [];
    const at = open(async (key) => {
      calls.push(key);
      if (key === "p/large") throw refuse("EntityTooLarge");
      if (key.startsWith("q/")) throw refuse("AccessDenied");
      return "written";
    });
    for (const key of ["p/large", "q/a", "q/b", "q/c", "p/good"]) at.add(key, "put");
    await at.behind[Symbol.asyncDispose]();
    expect(calls.toSorted()).toEqual(["p/good", "p/large", "q/a", "q/b", "q/c"]);
    expect(at.outcomes.all.toSorted()).toEqual(["dropped", "dropped", "dropped", "dropped", "written"]);
    expect(at.warnings()).toEqual([
      "cache-upstream refuses an object of the cache, which is dropped: EntityTooLarge: it does",
      "cache-upstream refuses an object of the cache, which is dropped: AccessDenied: it does",
      "objects that cache-upstream refused with AccessDenied, and that were dropped: 3",
    ]);
  });

  test("are bounded, and those beyond are counted", async () => {
    const at = open(() => new Promise(() => {}), { most: 10, drainMs: 1 });
    for (let index = 0; index < 1000; index++) at.add(`p/${index}`, "put");
    expect(at.outcomes.all).toHaveLength(990);
    await at.behind[Symbol.asyncDispose]();
    expect(at.warnings()).toEqual([
      "more than 10 objects wait for cache-upstream: others are dropped",
      "10 objects of the cache were not passed on to cache-upstream",
    ]);
  });

  test("of objects that were evicted are skipped, and one line counts them", async () => {
    const at = open(async () => "gone");
    for (const key of ["p/a", "p/b", "q/c"]) at.add(key, "put");
    await at.behind[Symbol.asyncDispose]();
    expect(at.outcomes.all).toEqual([]);
    expect(at.logger.entries.map(({ message }) => message)).toEqual([
      "objects that were evicted before they were passed on to cache-upstream: 3",
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
    at.add("p/a", "put");
    await at.behind[Symbol.asyncDispose]();
    await aborted.promise;
    expect(at.warnings()).toEqual(["1 objects of the cache were not passed on to cache-upstream"]);
  });
});

describe("a project with a thousand changes", () => {
  test("does not hold up another one", async () => {
    const calls: string[] = [];
    const first = Promise.withResolvers<void>();
    const at = open(async (key) => {
      calls.push(key);
      await first.promise;
      return "written";
    });
    for (let index = 0; index < 1000; index++) at.add(`large/${index}`, "put");
    for (const key of ["small/a", "small/b", "small/c"]) at.add(key, "put");
    expect(calls).toEqual(["large/0", "large/1", "small/a", "small/b"]);
    first.resolve();
    await at.behind[Symbol.asyncDispose]();
    expect(calls.indexOf("small/c")).toBeLessThan(8);
    expect(new Set(calls).size).toBe(1003);
  });

  test("has its own changes dropped when too many wait, and not those of another one", async () => {
    const at = open(() => new Promise(() => {}), { most: 10, drainMs: 1 });
    for (let index = 0; index < 10; index++) at.add(`large/${index}`, "put");
    at.add("small/a", "remove");
    expect([at.outcomes.all, at.behind.isRemoved("small/a")]).toEqual([["dropped"], true]);
    await at.behind[Symbol.asyncDispose]();
  });
});
