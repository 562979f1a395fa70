import { expect, test } from "bun:test";
import { runBrokenRounds } from "./broken-rounds.ts";
import { startedCluster } from "./subjects.ts";

await startedCluster();

for (let from = 31; from <= 300; from += 30) {
  const to = from + 29;
  test(`in jobs ${from} to ${to}, whose every connection is cut, nothing is lost, doubled or run twice`, async () => {
    expect(await runBrokenRounds({ from, to })).toBeGreaterThan(200);
  }, 900_000);
}
