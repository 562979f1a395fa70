import { expect } from "bun:test";
import { jobProcesses, type Scene } from "./agents.ts";
import { type Between, createRandom } from "./crash-job.ts";
import type { Running } from "./fixtures.ts";
import { type JobFile, outline } from "./jobs.ts";

/** Where jobs run whose processes are killed. */
export interface SurvivalPlace {
  readonly scene: Scene;
  /** Starts an agent; resolves when it is registered. */
  start(): Promise<Running>;
  /** Resolves when the job's log holds the text. */
  shows(id: string, text: string): Promise<void>;
  /** Resolves to the job's result when it has been reported. */
  result(id: string): Promise<string>;
  toJob(request: typeof survivalRequest): JobFile;
  /** The beginnings of the blocks that the executor itself adds. */
  readonly ownBlocks: readonly string[];
  /** Resolves when nothing of the job is left. */
  emptied(id: string): Promise<void>;
}

/** Commands whose output tells whether something was lost, doubled or run twice, and their output. */
const commands: readonly (readonly [directive: string, output: string])[] = [
  ["n=0; echo begun >>/tmp/count; cat /tmp/count", "begun\n"],
  ["for i in $(seq 60); do echo line $i; sleep 0.01; done", lines(60, (at) => `line ${at}`)],
  ["seq 1 20000", lines(20_000, String)],
  ["head -c 30000 /dev/zero | tr '\\0' '\\377'; echo", `${"\ufffd".repeat(30_000)}\n`],
  ...Array.from({ length: 6 }, (_, at): [string, string] => [
    `n=$((n + 1)); echo $n; echo run >>/tmp/count; sleep 0.0${at}`,
    `${at + 1}\n`,
  ]),
  ["echo $SECRET_TOKEN; sleep 0.1; printf hunter; sleep 0.2; echo 2-secret", "[REDACTED]\n[REDACTED]\n"],
  ["sleep 0.6", ""],
  [`: '${"x".repeat(40_000)}'; echo long`, "long\n"],
  ["trap 'echo trapped' USR1; kill -USR1 $$; sleep 0.1; echo after", "trapped\nafter\n"],
  ["sh -c '(sleep 0.05; echo behind) & echo before; wait'", "before\nbehind\n"],
  ["wc -l </tmp/count | tr -d ' '", "7\n"],
];
const epilogues: readonly (readonly [directive: string, output: string])[] = [
  ["echo result $SEMAPHORE_JOB_RESULT; sleep 0.1", "result passed\n"],
  ["sleep 0.1; echo epilogue >>/tmp/count; tail -n 1 /tmp/count", "epilogue\n"],
];

function lines(count: number, toLine: (at: number) => string): string {
  return Array.from({ length: count }, (_, at) => `${toLine(at + 1)}\n`).join("");
}

export const survivalRequest = {
  env_vars: [{ name: "SECRET_TOKEN", value: btoa("hunter2-secret") }],
  files: [{ path: "/tmp/injected-file", content: btoa("content\n"), mode: "0600" }],
  commands: commands.map(([directive]) => directive),
  epilogue_always_commands: epilogues.map(([directive]) => directive),
};

/** Milliseconds from a job's assignment to its end, without a kill. */
const durationMs = 6000;

/**
 * Runs a job for each seed. In each, its process is killed at random moments, its agent in half of them.
 * Throws with the seed when the log differs in a byte, or something is left.
 */
export async function runSurvivalRounds(
  place: SurvivalPlace,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<number> {
  let kills = 0;
  let agent = await place.start();
  for (let seed = from; seed <= to; seed += 1) {
    const random = createRandom(seed);
    const between: Between = (low, high) => low + Math.floor(random() * (high - low));
    const round = await runRound(place, agent, between).catch((error: unknown) => {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    });
    agent = round.agent;
    kills += round.kills;
  }
  agent.kill("SIGTERM");
  await agent.finished;
  return kills;
}

async function runRound(
  place: SurvivalPlace,
  first: Running,
  between: Between,
): Promise<{ readonly agent: Running; readonly kills: number }> {
  const { hub } = place.scene;
  let agent = first;
  let kills = 0;
  const id = await hub.submit(place.toJob(survivalRequest));
  const isDone = async () => (await hub.job(id)).isDone;
  // Before the session is recorded the job begins anew, which its log shows.
  await place.shows(id, "Exporting SECRET_TOKEN");
  for (let left = between(1, 4); left > 0 && !(await isDone()); left -= 1) {
    await Bun.sleep(between(0, durationMs / 2));
    const targets = jobProcesses(id);
    if (targets.length === 0) continue;
    const killAgent = async () => {
      agent.kill("SIGKILL");
      await agent.finished;
    };
    const isBoth = between(0, 2) === 0;
    const isAgentFirst = between(0, 2) === 0;
    if (isBoth && isAgentFirst) await killAgent();
    for (const pid of targets) killQuietly(pid);
    kills += 1;
    if (isBoth && !isAgentFirst) await killAgent();
    if (isBoth) agent = await place.start();
  }
  expect(await place.result(id)).toBe("passed");
  const blocks = outline(await hub.log(id));
  const expected = [...commands, ...epilogues].map(([directive, output]) => `[${directive}] 0: ${output}`);
  const shown = blocks.filter((block) => expected.some((each) => block.startsWith(each.split("] 0: ")[0]!)));
  expect(shown.map(shorten)).toEqual(expected.map(shorten));
  expect(shown).toEqual(expected);
  const others = blocks.filter((block) => !shown.includes(block)).map((block) => block.split("]")[0]);
  expect(others).toEqual([
    "start",
    ...place.ownBlocks,
    "[Exporting environment variables",
    "[Injecting Files",
    "[Exporting environment variables",
    "end passed",
  ]);
  await place.emptied(id);
  return { agent, kills };
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has exited meanwhile.
  }
}

const shorten = (text: string) => (text.length > 400 ? `${text.slice(0, 200)}…${text.slice(-150)}` : text);
