import { expect, test } from "bun:test";
import { createCacheUses } from "./uses.ts";

function scene() {
  const counted: Record<string, number> = {};
  const uses = createCacheUses((what, by) => void (counted[what] = (counted[what] ?? 0) + by));
  return { uses, counted };
}

test("a lookup before the object is stored is no miss, all others are", () => {
  const { uses, counted } = scene();
  const job = uses.recorder("job-1");
  job.missing("a");
  job.missing("b");
  expect(uses.of("job-1")?.misses).toBe(2);
  // Restored without success, then looked up again by the client that stores it.
  job.missing("a");
  job.storing("a");
  expect(uses.of("job-1")?.misses).toBe(2);
  expect(counted).toEqual({ misses: 1 });
  uses.end("job-1");
  expect(counted).toEqual({ misses: 2 });
});

test("an object that is read range by range is one hit, and its bytes are counted", () => {
  const { uses, counted } = scene();
  const job = uses.recorder("job-1");
  job.restored(5, true);
  job.restored(3, false);
  uses.recorder("job-2").stored(7);
  expect(uses.of("job-1")).toMatchObject({ hits: 1, misses: 0, restoredBytes: 8, storedBytes: 0 });
  expect(counted).toEqual({ hits: 1, restoredBytes: 8, storedBytes: 7 });
});

test("a job that has ended is forgotten, also when one of its requests ends later", () => {
  const { uses, counted } = scene();
  const job = uses.recorder("job-1");
  uses.end("job-1");
  job.stored(5);
  expect(uses.of("job-1")).toBeUndefined();
  expect(counted).toEqual({ storedBytes: 5 });
});

test("a job that looks up a million keys is counted", () => {
  const { uses, counted } = scene();
  const job = uses.recorder("job-1");
  for (let key = 0; key < 1_000_000; key++) job.missing(`${key}`);
  expect(uses.of("job-1")?.misses).toBe(1_000_000);
  uses.end("job-1");
  expect(counted).toEqual({ misses: 1_000_000 });
});

test("the time of transfers at the same time counts once, until the last one ends", () => {
  const { uses, counted } = scene();
  const job = uses.recorder("job-1");
  const [first, second] = [job.transfer("restored"), job.transfer("restored")];
  second[Symbol.dispose]();
  second[Symbol.dispose]();
  expect(counted["restoredSeconds"]).toBeUndefined();
  first[Symbol.dispose]();
  const seconds = counted["restoredSeconds"]!;
  expect(seconds).toBeGreaterThan(0);
  expect(uses.of("job-1")).toMatchObject({ restoredSeconds: seconds, storedSeconds: 0 });
});
