import { describe, expect, test } from "bun:test";
import { createScene } from "./agents.ts";
import { runRound, toCommand, type Victim } from "./crash-rounds.ts";

const expected = {
  agent: /^(passed|lost):/,
  job: /^failed:/,
  both: /^failed:/,
  "hand-over": /^passed:/,
};

/** `bun bench/crash.ts --rounds 300` does hundreds. A round that fails prints the command that repeats it. */
describe("kill -9 in mid-job", () => {
  const rounds: [title: string, victim: Victim, seeds: number[]][] = [
    ["of the agent, again and again", "agent", [1, 2, 3, 4, 5, 6]],
    ["of the agent, at other moments", "agent", [7, 8, 9, 10, 11, 12]],
    ["of the job's process: failed, and nothing of it goes on", "job", [1, 2, 3, 4]],
    ["of nobody, but a hand-over", "hand-over", [1, 2, 3]],
    ["of both: failed, and nothing of it goes on", "both", [1, 2, 3, 4]],
  ];
  test.concurrent.each(rounds)(
    "%s: the job ran once, is reported, and its log is whole",
    async (_, victim, seeds) => {
      await using scene = await createScene();
      for (const seed of seeds) {
        const { result } = await runRound(scene, { seed, victim });
        // Its words repeat the round.
        expect(`${result}: ${toCommand({ seed, victim })}`).toMatch(expected[victim]);
      }
    },
  );
});
