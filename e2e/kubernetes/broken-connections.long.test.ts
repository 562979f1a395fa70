import { expect, test } from "bun:test";
import { minimalCuts, runBrokenRounds } from "./broken-rounds.ts";
import { startedCluster } from "./subjects.ts";

await startedCluster();

const rounds = 30;

for (let from = 31; from <= 300; from += rounds) {
  const to = from + rounds - 1;
  test(`in jobs ${from} to ${to}, whose every connection is cut, nothing is lost, doubled or run twice`, async () => {
    expect(await runBrokenRounds({ from, to })).toBeGreaterThan(rounds * minimalCuts);
  }, 900_000);
}
