import { expect, test } from "bun:test";
import { runBrokenRound } from "./broken-rounds.ts";
import { startedCluster } from "./subjects.ts";

await startedCluster();

test("in thirty jobs whose every connection is cut, nothing is lost, doubled or run twice", async () => {
  const seeds = Array.from({ length: Number(process.env["ROUNDS"] ?? 30) }, (_, at) => at + 1);
  let cuts = 0;
  // Three jobs at once.
  await Promise.all(
    [0, 1, 2].map(async (lane) => {
      for (const seed of seeds.filter((each) => each % 3 === lane)) cuts += await runBrokenRound(seed);
    }),
  );
  expect(cuts).toBeGreaterThan(100);
}, 600_000);
