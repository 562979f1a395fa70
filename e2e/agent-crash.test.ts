import { describe, expect, test } from "bun:test";
import { createScene } from "./agents.ts";
import { runRound, toCommand, type Victim } from "./crash-rounds.ts";

const expected = {
  agent: /^(passed|lost):/,
  job: /^failed:/,
  both: /^failed:/,
  "hand-over": /^passed:/,
};

/** Two hundred rounds; `bun bench/crash.ts --rounds 1000` does more. A round that fails prints the command that repeats it. */
describe("kill -9 in mid-job", () => {
  const rounds: [title: string, victim: Victim, seeds: number[]][] = [
    ...[0, 20, 40, 60, 80, 100].map((first): [string, Victim, number[]] => [
      `of the agent, again and again, seeds from ${first}`,
      "agent",
      range(first, 20),
    ]),
    ["of the job's process: failed, and nothing of it goes on", "job", range(0, 30)],
    ["of nobody, but a hand-over", "hand-over", range(0, 20)],
    ["of both: failed, and nothing of it goes on", "both", range(0, 30)],
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

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}
