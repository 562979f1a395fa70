import { expect, test } from "bun:test";
import { runRounds } from "../../test/os/state/hostile/run.ts";
import { users } from "../support/users.ts";

test.each(users)(
  "10,000 rounds of hostile files below the state directory, as $user: nothing hangs, crashes or touches what is outside",
  async ({ as }) => {
    expect(await runRounds({ seed: 2026, rounds: 10_000, as })).toEqual({ fault: "", begun: 10_000 });
  },
  7_200_000,
);
