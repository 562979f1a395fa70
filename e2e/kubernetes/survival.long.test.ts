import { expect, test } from "bun:test";
import { runSurvivalRounds } from "./survival-rounds.ts";

const rounds = 300;

test("in 300 jobs whose processes and agents are killed at random moments, the log is exact to the byte", async () => {
  expect(await runSurvivalRounds({ from: 1000, to: 1000 + rounds - 1 })).toBeGreaterThanOrEqual(rounds);
}, 5_400_000);
