import { describe, expect, test } from "bun:test";
import { createScene } from "./agents.ts";
import { runRound, toCommand, type Victim } from "./crash-rounds.ts";

const expected = {
  agent: /^(passed|lost):/,
  job: /^failed:/,
  both: /^failed:/,
  "hand-over": /^passed:/,
};

/**
 * Runs 200 rounds; `bun bench/crash.ts --rounds 1000` runs more. A failed round prints the command that
 * repeats it.
 */
describe("SIGKILL while a job runs", () => {
  const rounds: [title: string, victim: Victim, seeds: number[]][] = [
    ...[0, 20, 40, 60, 80, 100].map((first): [string, Victim, number[]] => [
      `of the agent, repeatedly, seeds from ${first}`,
      "agent",
      range(first, 20),
    ]),
    ["of the job's process: the job fails, and none of its processes continues", "job", range(0, 30)],
    ["none, but a hand-over", "hand-over", range(0, 20)],
    ["of both: the job fails, and none of its processes continues", "both", range(0, 30)],
  ];
  test.concurrent.each(rounds)(
    "%s: the job ran once, is reported, and its log is complete",
    async (_, victim, seeds) => {
      await using scene = await createScene();
      for (const seed of seeds) {
        const { result } = await runRound(scene, { seed, victim });
        expect(`${result}: ${toCommand({ seed, victim })}`).toMatch(expected[victim]);
      }
    },
  );
});

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}
