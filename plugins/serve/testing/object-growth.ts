import { heapStats } from "bun:jsc";

/** Objects of a process after a garbage collection: type → number. */
export type ObjectCounts = Readonly<Record<string, number>>;

/** Counts the objects of this process after a garbage collection. */
export async function countObjects(): Promise<ObjectCounts> {
  // What the last call itself holds is gone a moment later.
  await Bun.sleep(300);
  Bun.gc(true);
  Bun.gc(true);
  return heapStats().objectTypeCounts;
}

/**
 * Lists the types of which a process keeps more than `limitOf` objects for each of the `times` that it did
 * something between two counts, as `number type`.
 */
export function findGrowth(
  before: ObjectCounts,
  after: ObjectCounts,
  times: number,
  limitOf: (type: string) => number = () => 0.5,
): string[] {
  return Object.entries(after).flatMap(([type, count]) => {
    const each = (count - (before[type] ?? 0)) / times;
    return each > limitOf(type) && !isCode.test(type) ? [`${each.toFixed(2)} ${type}`] : [];
  });
}

/** What the engine makes of functions that are called often. */
const isCode = /Code|Executable|Structure|SymbolTable/;
