import { expect, test } from "bun:test";
import { runRounds } from "./hostile/run.ts";

test("hostile files below the state directory hang nothing, crash nothing and lead nowhere: 300 rounds", async () => {
  expect(await runRounds({ seed: 12, rounds: 300 })).toEqual({ fault: "", begun: 300 });
}, 600_000);
