import { expect, test } from "bun:test";
import { createSurvivalPlace } from "./agents.ts";
import { runSurvivalRounds } from "../support/survival-rounds.ts";

const rounds = 300;

test("in 300 jobs whose processes and agents are killed at random moments, the log is exact to the byte", async () => {
  await using place = await createSurvivalPlace();
  expect(await runSurvivalRounds(place, { from: 1000, to: 1000 + rounds - 1 })).toBeGreaterThanOrEqual(
    rounds,
  );
}, 5_400_000);
