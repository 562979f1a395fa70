import { expect, test } from "bun:test";
import { minimalCuts, runBrokenRounds } from "./broken-rounds.ts";
import { startedCluster } from "./subjects.ts";

await startedCluster();

const rounds = 30;

test("in thirty jobs whose every connection is cut, nothing is lost, doubled or run twice", async () => {
  expect(await runBrokenRounds({ from: 1, to: rounds })).toBeGreaterThan(rounds * minimalCuts);
}, 600_000);
