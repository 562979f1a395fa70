import { parseArgs } from "node:util";
import { createScene } from "../e2e/support/agents.ts";
import { closeEngine } from "../e2e/support/containers.ts";
import { type CrashPlaceName, crashPlaces } from "../e2e/support/crash-place.ts";
import { runRound, type Victim, victims } from "../e2e/support/crash-rounds.ts";

// Kills a process with SIGKILL during a job, many times: `bun bench/crash.ts --rounds 300 --seed 1 --kill
// agent [--faults] [--place containers]`. Each seed stands for one round.
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    kill: { type: "string", default: "agent" },
    faults: { type: "boolean", default: false },
    place: { type: "string", default: "shell" },
    workers: { type: "string", default: "2" },
  },
});
const victim = victims.find((name) => name === values.kill);
if (victim === undefined)
  throw new Error(`invalid value "${values.kill}" for "--kill": expected one of ${victims.join(", ")}`);
if (!(values.place in crashPlaces))
  throw new Error(
    `invalid value "${values.place}" for "--place": expected one of ${Object.keys(crashPlaces).join(", ")}`,
  );
const place = values.place as CrashPlaceName;
const first = Number(values.seed);
const seeds = Array.from({ length: Number(values.rounds) }, (_, index) => first + index);
const outcomes: Record<string, number> = {};
const failures: string[] = [];
let [kills, events] = [0, 0];

await Promise.all(Array.from({ length: Number(values.workers) }, () => work(victim)));
await closeEngine();
console.log(
  `${Number(values.rounds)} rounds, ${kills} kills, ${events} events compared: ${JSON.stringify(outcomes)}`,
);
for (const failure of failures) console.error(`\n${failure}`);
process.exitCode = failures.length > 0 ? 1 : 0;

/** Runs rounds with one hub, and with a new one after a failed round. */
async function work(victim: Victim): Promise<void> {
  while (seeds.length > 0) {
    await using scene = await createScene();
    for (let isClean = true; isClean && seeds.length > 0;) {
      try {
        const outcome = await runRound(scene, {
          seed: seeds.shift()!,
          victim,
          hasFaults: values.faults,
          place,
        });
        outcomes[outcome.result] = (outcomes[outcome.result] ?? 0) + 1;
        kills += outcome.kills;
        events += outcome.events;
      } catch (error) {
        failures.push((error as Error).message);
        isClean = false;
      }
    }
  }
}
