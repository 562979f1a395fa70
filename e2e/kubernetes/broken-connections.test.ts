import { expect, test } from "bun:test";
import { runBrokenRounds } from "./broken-rounds.ts";
import { startedCluster } from "./subjects.ts";

await startedCluster();

test("in thirty jobs whose every connection is cut, nothing is lost, doubled or run twice", async () => {
  expect(await runBrokenRounds({ from: 1, to: 30 })).toBeGreaterThan(200);
}, 600_000);
