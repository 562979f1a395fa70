import { expect, test } from "bun:test";
import { createSurvivalPlace } from "./agents.ts";
import { runSurvivalRounds } from "../support/survival-rounds.ts";

const rounds = 30;

for (let from = 1000; from < 1300; from += rounds) {
  const to = from + rounds - 1;
  test(`in jobs ${from} to ${to}, whose processes and agents are killed at random moments, the log is exact to the byte`, async () => {
    await using place = await createSurvivalPlace();
    // Some jobs end before the moment of their kill.
    expect(await runSurvivalRounds(place, { from, to })).toBeGreaterThanOrEqual(rounds / 2);
  }, 900_000);
}
