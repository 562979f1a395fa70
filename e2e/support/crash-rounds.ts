import { existsSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { inHome, jobProcesses, type Scene, waitForFile } from "./agents.ts";
import { type Between, createCrashJob, type CrashJob, createRandom } from "./crash-job.ts";
import { type CrashPlace, type CrashPlaceName, crashPlaces } from "./crash-place.ts";
import type { Running } from "./fixtures.ts";
import { findProcesses, outline, toEvents, uniqueSeconds, until } from "./jobs.ts";

/**
 * The target of SIGKILL: the agent (up to three times), the job's process, or one after the other. With
 * `hand-over` the agent gets SIGUSR2 instead, up to three times.
 */
export const victims = ["agent", "job", "both", "hand-over"] as const;
export type Victim = (typeof victims)[number];

export interface RoundOptions {
  readonly seed: number;
  readonly victim: Victim;
  /** Whether the hub injects random faults. */
  readonly hasFaults?: boolean;
  /** Where the job runs; default: in the shell executor. */
  readonly place?: CrashPlaceName;
}

export interface RoundOutcome {
  /** `lost`: the job failed without having started. */
  readonly result: "passed" | "failed" | "lost";
  readonly kills: number;
  readonly events: number;
}

/** Returns the command that repeats a round. */
export function toCommand({ seed, victim, hasFaults = false, place = "shell" }: RoundOptions): string {
  const flags = `${hasFaults ? " --faults" : ""}${place === "shell" ? "" : ` --place ${place}`}`;
  return `bun bench/crash.ts --rounds 1 --seed ${seed} --kill ${victim}${flags}`;
}

/**
 * Runs a job, kills processes during it, and checks the outcome: the job ran once and was reported, hub and
 * disk have the same events, and no process of the job is left. Throws an error with the command that repeats
 * the round.
 */
export async function runRound(scene: Scene, options: RoundOptions): Promise<RoundOutcome> {
  try {
    return await crashAndCheck(scene, options);
  } catch (error) {
    throw new Error(`${toCommand(options)}\n${(error as Error).message}`, { cause: error });
  }
}

/** A running round. */
interface Round {
  readonly id: string;
  readonly job: CrashJob;
  readonly place: CrashPlace;
  /** Word in the command lines of the job's processes. */
  readonly word: string;
  readonly stateDirectory: string;
  readonly between: Between;
  /** Reads the file that has a character for each run. */
  ran(): string;
  /** Reads the file that has a copy of the job's output. */
  wrote(): string;
}

async function crashAndCheck(scene: Scene, options: RoundOptions): Promise<RoundOutcome> {
  const { hub } = scene;
  const round = await startRound(scene, options);
  const { agent, kills } = await crash(scene, round, options.victim);
  await hub.done(round.id);
  await hub.clearFaults();
  const { result, events, problems } = await examine(scene, round, options.victim);
  agent.kill("SIGTERM");
  const end = await agent.finished;
  // An agent that was started a moment ago does not handle signals yet.
  const hasNoHandlers = end.exitCode === 143 && end.stdout === "";
  if (end.exitCode !== 0 && !hasNoHandlers) problems.push(`the agent exited with status ${end.exitCode}`);
  await until("the job's process has exited", () => jobProcesses(round.id).length === 0);
  await until("the job has left nothing", async () => (await round.place.left(round.id)).length === 0);
  if (problems.length > 0) {
    const calls = (await hub.calls()).slice(-30).map((call) => JSON.stringify(call));
    const report = [...problems, "--- agent:", end.stdout, "--- calls:", ...calls].join("\n");
    throw new Error(report.replaceAll(/x{9,}/g, "x…"));
  }
  return { result, kills, events };
}

async function startRound(
  scene: Scene,
  { seed, victim, hasFaults = false, place: placeName = "shell" }: RoundOptions,
): Promise<Round> {
  const place = await crashPlaces[placeName](scene);
  const random = createRandom(seed);
  const between: Between = (from, to) => from + Math.floor(random() * (to - from));
  const word = uniqueSeconds();
  // In containers another process continues the job, which then ends by itself.
  const isLong = placeName === "shell" && (victim === "job" || victim === "both");
  const [ran, wrote] = [`ran-${word}`, `wrote-${word}`];
  const names = { word, ran: place.toJobPath(ran), wrote: place.toJobPath(wrote), isLong };
  const job = createCrashJob(between, names);
  const read = (name: string) => {
    const file = place.toHostPath(name);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  if (hasFaults) await addFaults(scene, seed);
  return {
    id: await scene.hub.submit(place.toRequest(job.request)),
    job,
    place,
    word,
    stateDirectory: inHome(scene, `state-${word}`),
    between,
    ran: () => read(ran),
    wrote: () => read(wrote),
  };
}

/** Kills the victim at random times and restarts the agent. */
async function crash(
  scene: Scene,
  round: Round,
  victim: Victim,
): Promise<{ readonly agent: Running; readonly kills: number }> {
  const { id, job, place, word, between } = round;
  const env = { ...place.env, SEMAPHORE_AGENT_STATE_DIR: round.stateDirectory };
  const startAgent = () => scene.agent(place.args, { env });
  let agent: Running = startAgent();
  let kills = 0;
  const killAgent = async (): Promise<void> => {
    agent.kill(victim === "hand-over" ? "SIGUSR2" : "SIGKILL");
    await agent.finished;
    kills += 1;
  };
  const killJob = (): void => {
    for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
    kills += 1;
  };
  if (victim === "agent" || victim === "hand-over") {
    for (let remaining = between(1, 4); remaining > 0; remaining--) {
      await Bun.sleep(between(0, place.startMs + job.durationMs));
      await killAgent();
      await Bun.sleep(between(0, 300));
      agent = startAgent();
    }
    return { agent, kills };
  }
  await waitForFile(place.toHostPath(`ran-${word}`));
  await Bun.sleep(between(0, 400));
  const both = () => (between(0, 2) === 0 ? [killAgent, killJob] : [killJob, killAgent]);
  for (const kill of victim === "job" ? [killJob] : both()) {
    await kill();
    await Bun.sleep(between(0, 200));
  }
  if (victim === "both") agent = startAgent();
  return { agent, kills };
}

async function examine(scene: Scene, round: Round, victim: Victim) {
  const { hub, tester } = scene;
  const { id, job, word, ran, wrote } = round;
  const problems: string[] = [];
  const check = (isOk: boolean, problem: string) => void (isOk || problems.push(problem));
  const written = wrote();
  const { result } = await hub.job(id);
  const events = await hub.log(id);
  const lines = outline(events);
  const all = lines.join("\n");
  const kept = toEvents(
    (await tester.run(["logs", id, "--json", "--state-dir", round.stateDirectory])).stdout,
  );
  check(
    isDeepStrictEqual(kept, events),
    `${events.length} events at the hub differ from ${kept.length} on disk`,
  );
  check(lines.at(-1) === `end ${result}`, `reported ${result}, logged ${lines.at(-1)}`);
  check(ran().length <= 1, `the job ran ${ran().length} times`);

  const isLost =
    victim !== "hand-over" && result === "failed" && lossReasons.some((why) => all.includes(why));
  if (result === "passed") {
    const output = lines
      .filter((line) => line.startsWith("[for "))
      .map((line) => line.replace(/^\[[^\]]*\] 0: /s, ""));
    check(output.join("") === job.output, `the output is incomplete:\n${output.join("")}`);
    check(written === job.output, `the written file is incomplete:\n${written}`);
  } else if (isLost) {
    check(ran() === "" && written === "", "the job ran, but was reported as lost");
  } else {
    check(result === "failed" && (victim === "job" || victim === "both"), `the result is ${result}:\n${all}`);
    check(all.includes("[signalman: the job's process died; "), `the log has no reason:\n${all}`);
    check(job.output.startsWith(written), `the written file has a gap:\n${written}`);
  }
  await Bun.sleep(50);
  check(wrote() === written, "the script continues after its job");
  check(findProcesses(word).length === 0, `running processes: ${findProcesses(word).join("\n")}`);
  const violations = (await hub.violations()).filter(
    ({ jobId, rule }) => (jobId ?? id) === id && !rulesOfKilled.includes(rule),
  );
  check(violations.length === 0, `violations: ${JSON.stringify(violations)}`);
  const outcome: RoundOutcome["result"] = isLost ? "lost" : result === "passed" ? "passed" : "failed";
  return { result: outcome, events: events.length, problems };
}

/**
 * Rules that killed processes may break. Such a process does not know that its request or report was received, and an
 * agent that exits before it handles signals does not disconnect.
 */
export const rulesOfKilled: readonly string[] = ["fetched-again", "job-id-wrong", "sync-late"];

/**
 * Reasons for which a job fails without having started: the kill came between the fetch and the start of the
 * job's process.
 */
const lossReasons = ["that answer was lost", "the job's process could not be started"];

async function addFaults({ hub }: Scene, seed: number): Promise<void> {
  for (const kind of ["delay-after", "drop-before", "drop-after", "cut", "bad-body", "status"] as const) {
    await hub.addFault({ kind, probability: 0.06, seed, delayMs: 200 });
  }
}
