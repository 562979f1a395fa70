import { expect, test } from "bun:test";
import { createBufferPool } from "./buffer-pool.ts";

test("a pool of buffers lends as many as it may at a time, and takes them back from work that fails", async () => {
  const pool = createBufferPool({ size: 8, most: 2 });
  const seen = new Set<Buffer>();
  let [running, highest] = [0, 0];
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      pool.use(async (buffer) => {
        seen.add(buffer);
        highest = Math.max(highest, ++running);
        await Promise.resolve();
        running -= 1;
        if (index % 3 === 0) throw new Error("boom");
        return buffer.length;
      }),
    ),
  );
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(13);
  expect([seen.size, highest]).toEqual([2, 2]);
});
