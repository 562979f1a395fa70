import { expect, test } from "bun:test";
import { createApiScene, sign } from "./testing/api-scene.ts";
import { countObjects, findGrowth } from "./testing/object-growth.ts";

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
  expect(findGrowth(before, await countObjects(), 300)).toEqual([]);
});
