import { expect, test } from "bun:test";
import { heapStats } from "bun:jsc";
import { createApiScene, sign } from "./testing/api-scene.ts";

/** Counts the objects of this process, client and server, after a garbage collection: type → number. */
async function countObjects(): Promise<Record<string, number>> {
  // What the last call itself holds is gone a moment later.
  await Bun.sleep(300);
  Bun.gc(true);
  Bun.gc(true);
  return heapStats().objectTypeCounts;
}

/** What the engine makes of functions that are called often. */
const isCode = /Code|Executable|Structure|SymbolTable/;

test("a server keeps nothing of a request that was answered", async () => {
  await using scene = await createApiScene();
  const ask = async (count: number) => {
    for (let done = 0; done < count; done += 1) {
      const headers = { Authorization: `Bearer ${sign()}`, Connection: "close" };
      for (const path of ["/is_alive", "/status", "/jobs/none/log"])
        await (await scene.fetch(path, { headers })).text();
    }
  };
  await ask(100);
  const before = await countObjects();
  await ask(300);
  const after = await countObjects();
  const grown = Object.entries(after).flatMap(([type, count]) => {
    const each = (count - (before[type] ?? 0)) / 300;
    return each > 0.5 && !isCode.test(type) ? [`${each.toFixed(2)} ${type}`] : [];
  });
  expect(grown).toEqual([]);
});
