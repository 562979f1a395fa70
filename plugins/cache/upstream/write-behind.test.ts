import { describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRecordingLogger, tmpdir } from "signalman/testing";
import { createEventLog } from "../testing/scene.ts";
import { type ChangeKind, openChangeJournal } from "./change-journal.ts";
import { createWriteBehind, type WriteBehindOptions } from "./write-behind.ts";

/** `path` of a file for the changes; without one they are lost. */
function open(write: WriteBehindOptions["write"], { path = "/dev/null/x", ...options }: OpenOptions = {}) {
  const outcomes = createEventLog<string>();
  const logger = createRecordingLogger();
  const faults: unknown[] = [];
  const journal = openChangeJournal({ path, onFault: (error) => void faults.push(error) });
  const behind = createWriteBehind({
    write,
    journal,
    count: outcomes.add,
    logger,
    retryMs: 1,
    drainMs: 60_000,
    ...options,
  });
  const warnings = () => logger.entries.flatMap(({ level, message }) => (level === "warn" ? [message] : []));
  const add = (key: string, kind: ChangeKind) => behind.add(key, kind, behind.prepare(key, kind));
  return { behind, add, outcomes, warnings, logger, faults };
}

type OpenOptions = Partial<WriteBehindOptions> & { readonly path?: string };

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

  test("are tried again, and dropped in the end", async () => {
    let failures = 3;
    const calls: string[] = [];
    const at = open(async (key) => {
      calls.push(key);
      if (key === "p/bad" || failures-- > 0) throw new Error("down");
      return "written";
    });
    at.add("p/good", "put");
    await at.outcomes.until("written");
    at.add("p/bad", "put");
    await at.outcomes.until("dropped");
    expect(calls.filter((key) => key === "p/good")).toHaveLength(4);
    expect(calls.filter((key) => key === "p/bad")).toHaveLength(8);
    expect(at.warnings().join()).toContain("was not passed on to cache-upstream in 8 attempts");
    await at.behind[Symbol.asyncDispose]();
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

describe("changes of an earlier process", () => {
  /** A process that is killed: its upstream does not answer, and nothing is disposed. */
  const kill = (path: string, work: (at: ReturnType<typeof open>) => void): void => {
    work(open(() => new Promise(() => {}), { path }));
  };
  const resume = async (path: string) => {
    const calls: string[] = [];
    const at = open(async (key, kind) => (calls.push(`${kind} ${key}`), "written"), { path });
    await at.behind[Symbol.asyncDispose]();
    return { ...at, calls };
  };

  test("are made, the last one of each object, and only once", async () => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "changes");
    kill(path, ({ add, behind }) => {
      for (const key of ["p/a\u2028", "p/b", "p/b", "q/ü"]) add(key, "put");
      add("p/b", "remove");
      behind.cancel(behind.prepare("p/failed", "put"));
      behind.prepare("p/prepared", "put");
    });
    const { calls, logger } = await resume(path);
    expect(calls.toSorted()).toEqual(["put p/a\u2028", "put p/prepared", "put q/ü", "remove p/b"]);
    expect(logger.entries.map(({ message }) => message)).toContain(
      "objects of an earlier process that are passed on to cache-upstream: 4",
    );
    expect((await resume(path)).calls).toEqual([]);
  });

  test("are kept through starts without an upstream, and a line names them", async () => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "changes");
    kill(path, ({ add }) => add("p/a", "put"));
    const at = open(() => new Promise(() => {}), { path, drainMs: 1 });
    await at.behind[Symbol.asyncDispose]();
    expect(at.logger.entries.map(({ message }) => message)).toContain(
      "objects that the next start passes on to cache-upstream: 1",
    );
    expect((await resume(path)).calls).toEqual(["put p/a"]);
  });

  test("remove an object that a process removed before it died while it stored it again", async () => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "changes");
    kill(path, ({ add, behind }) => {
      add("p/a", "remove");
      behind.prepare("p/a", "put");
    });
    expect((await resume(path)).calls).toEqual(["remove p/a"]);
  });

  test.each<[string, (path: string) => void]>([
    ["cut", (path) => writeFileSync(path, readFileSync(path).subarray(0, -5))],
    [
      "with bytes that are no lines",
      (path) => appendFileSync(path, crypto.getRandomValues(new Uint8Array(5000))),
    ],
    ["with a flipped bit in its last line", (path) => flip(path, -20)],
    ["with another document", (path) => appendFileSync(path, "b9f2ba6e3f1f2c11null\n[1]\n{}\n\n")],
  ])("are made as far as a file tells them: %s", async (_, damage) => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "changes");
    kill(path, ({ add }) => {
      add("p/a", "put");
      add("p/b", "put");
    });
    damage(path);
    const { calls, faults } = await resume(path);
    expect([calls.includes("put p/a"), faults]).toEqual([true, []]);
    expect((await resume(path)).calls).toEqual([]);
  });

  test("are none when the file is a directory, whose place the file takes", async () => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "changes");
    mkdirSync(join(path, "x"), { recursive: true });
    expect((await resume(path)).calls).toEqual([]);
    expect(statSync(path).isFile()).toBe(true);
  });

  test("take no more space than those that wait", async () => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "changes");
    const at = open(async () => "written", { path });
    for (let index = 0; index < 5000; index++) at.add(`p/${index}`, "put");
    await at.outcomes.until("written", 5000);
    expect(statSync(path).size).toBeLessThan(200_000);
    await at.behind[Symbol.asyncDispose]();
  });

  test("are kept as soon as the file can be written", async () => {
    await using tmp = await tmpdir();
    const path = join(tmp.path, "later", "changes");
    const faults: unknown[] = [];
    const journal = openChangeJournal({ path, onFault: (error) => void faults.push(error), retryMs: 0 });
    const id = journal.begin("p/a", "put");
    journal.begin("p/b", "remove");
    expect([faults.length, journal.isKept]).toEqual([1, false]);
    mkdirSync(join(tmp.path, "later"));
    journal.end(id);
    expect(journal.isKept).toBe(true);
    journal[Symbol.dispose]();
    expect((await resume(path)).calls).toEqual(["remove p/b"]);
  });

  test("that cannot be kept are made all the same, and the fault is reported once", async () => {
    const at = open(async () => "written", { path: "/dev/null/x" });
    for (const key of ["p/a", "p/b"]) at.add(key, "put");
    await at.outcomes.until("written", 2);
    expect(at.faults).toHaveLength(1);
    await at.behind[Symbol.asyncDispose]();
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

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[bytes.length + at]! ^= 1;
  writeFileSync(path, bytes);
}
