// Runs rounds of the fuzzer in <directory>: run-rounds.ts <directory> <seed> <first round> <rounds>. Prints
// each round before it begins.
import * as fs from "node:fs";
import { join } from "node:path";
import { takeLock } from "../../../../src/os/state/lock.ts";
import { createRandom, mutate } from "./mutations.ts";
import { readAsAgent, readAsCommands } from "./readers.ts";
import { createOutside, releasedJobs, takeSnapshot, writeTemplate } from "./scene.ts";

const [place = "", seed = "1", first = "0", rounds = "1"] = process.argv.slice(2);
const template = join(place, "template");
writeTemplate(template);
using outside = createOutside(join(place, "outside"));

for (let round = Number(first); round < Number(first) + Number(rounds); round += 1) {
  console.log(`round ${round}`);
  const state = join(place, "state");
  fs.cpSync(template, state, { recursive: true });
  fs.chmodSync(state, 0o700);
  const jobs = [0, 1].map((slot) => join(state, "agents", "org.example.com", `slot-${slot}`, "jobs"));
  using _locks = holdLocks(jobs);
  const changed = mutate(state, outside, createRandom(Number(seed) * 1_000_003 + round));
  const before = takeSnapshot(outside.path);
  try {
    const shown = await readAsCommands(state);
    const isUntouched = (path: string) =>
      [...changed.keys()].every((target) => path !== target && !path.startsWith(`${target}/`));
    for (const [slot, [jobId, result]] of [...releasedJobs].entries()) {
      const directory = join(jobs[slot]!, jobId);
      const files = ["events.ndjson", "result.json", "request.json", "lock"].map((name) =>
        join(directory, name),
      );
      if (!files.every(isUntouched) || isHidden(changed, directory)) continue;
      if (!shown.some((log) => log.jobId === jobId && log.result === result && log.events > 50))
        throw new Error(`the log of the unchanged job "${jobId}" is not shown: ${JSON.stringify(shown)}`);
    }
    await readAsAgent(state, { isChild: round % 10 > 0 });
    await readAsCommands(state);
    if (takeSnapshot(outside.path) !== before) throw new Error("something outside was changed");
  } catch (error) {
    console.error(`round ${round} of seed ${seed}:`, [...changed], error);
    process.exit(1);
  }
  await removeState(state);
}
process.exit(0);

/** Holds the locks of the running jobs, as their processes do. */
function holdLocks(jobs: readonly string[]): Disposable {
  const held = new DisposableStack();
  for (const [slot, directory] of jobs.entries()) {
    const lock = takeLock(join(directory, `running-${slot}`, "lock"));
    if (lock) held.use(lock);
  }
  return held;
}

/** Whether this user cannot enter a directory any more, after a change of a mode above it. */
function isHidden(changed: ReadonlyMap<string, string>, directory: string): boolean {
  return [...changed].some(([target, name]) => name.includes("unreadable") && directory.startsWith(target));
}

/** An ordinary user must open the directories first that a change has closed to it. */
async function removeState(state: string): Promise<void> {
  await Bun.$`chmod -R u+rwX ${state}`.quiet().nothrow();
  fs.rmSync(state, { recursive: true, force: true });
}
