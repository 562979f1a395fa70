import { expect, test } from "bun:test";
import { useTestEngine } from "../support/containers.ts";
import { runSurvivalRounds } from "../support/survival-rounds.ts";
import { createKeptContainers } from "./survival.ts";

useTestEngine();

const rounds = 120;

test("in 120 jobs in containers whose processes and agents are killed at random moments, the log is exact to the byte", async () => {
  await using place = await createKeptContainers();
  expect(await runSurvivalRounds(place, { from: 1000, to: 1000 + rounds - 1 })).toBeGreaterThanOrEqual(
    rounds / 2,
  );
}, 5_400_000);
