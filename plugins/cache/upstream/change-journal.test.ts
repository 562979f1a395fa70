import { describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "signalman/testing";
import { openWriteBehind as open } from "../testing/write-behind.ts";
import { openChangeJournal } from "./change-journal.ts";

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
    let since: number | undefined;
    kill(path, ({ add, behind }) => {
      add("p/a", "put");
      since = behind.waiting.since;
    });
    const shown: unknown[] = [];
    const onWaiting = (waiting: unknown) => void shown.push(waiting);
    const at = open(() => new Promise(() => {}), { path, drainMs: 1, onWaiting });
    expect([since, at.behind.waiting, shown.at(-1)]).toEqual([
      expect.any(Number),
      { count: 1, since },
      { count: 1, since },
    ]);
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

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[bytes.length + at]! ^= 1;
  writeFileSync(path, bytes);
}
