import { describe, expect, test } from "bun:test";
import { createScene } from "./agents.ts";
import type { CrashPlaceName } from "./crash-place.ts";
import { runRound, toCommand, type Victim, victims } from "./crash-rounds.ts";

/** The results that each kind of crash may have. `lost`: the job failed without having started. */
const expected: Readonly<Record<Victim, RegExp>> = {
  agent: /^(passed|lost):/,
  job: /^failed:/,
  both: /^failed:/,
  "hand-over": /^passed:/,
};

/** In containers another process continues the job. */
const expectedInContainers: typeof expected = { ...expected, job: /^passed:/, both: /^passed:/ };

/** A batch runs real processes on a machine that may be busy. */
const batchMs = 15 * 60_000;

export interface CrashSuite {
  readonly roundsPerKind: number;
  readonly batch: number;
  readonly place?: CrashPlaceName;
}

/**
 * Runs rounds of every kind of crash, in batches that run concurrently. A failed round prints the command
 * that repeats it; `bun bench/crash.ts --rounds 1000` runs more.
 */
export function testCrashRounds({ roundsPerKind, batch, place = "shell" }: CrashSuite): void {
  const batches = victims.flatMap((victim) =>
    Array.from({ length: Math.ceil(roundsPerKind / batch) }, (_, index) => [victim, index * batch] as const),
  );
  describe(`SIGKILL while a job runs (${place})`, () => {
    test.concurrent.each(batches)(
      "of: %s, seeds from %i: the job ran once, is reported, and its log is complete",
      async (victim, first) => {
        await using scene = await createScene();
        for (let seed = first; seed < Math.min(first + batch, roundsPerKind); seed += 1) {
          const { result } = await runRound(scene, { seed, victim, place });
          expect(`${result}: ${toCommand({ seed, victim, place })}`).toMatch(
            (place === "containers" ? expectedInContainers : expected)[victim],
          );
        }
      },
      batchMs,
    );
  });
}
