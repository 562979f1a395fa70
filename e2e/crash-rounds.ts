import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { fileAppears, jobProcesses, type Scene } from "./agents.ts";
import { type Between, createCrashJob, type CrashJob, createRandom } from "./crash-job.ts";
import type { Running } from "./fixtures.ts";
import { living, outline, toEvents, uniqueSeconds, until } from "./jobs.ts";

/**
 * Who gets SIGKILL: the agent (up to three times), the job's process, or the one and then the other. `hand-over`: the agent gets SIGUSR2, up to
 * three times.
 */
export const victims = ["agent", "job", "both", "hand-over"] as const;
export type Victim = (typeof victims)[number];

export interface RoundOptions {
  readonly seed: number;
  readonly victim: Victim;
  /** Requests are spoiled at random as well. */
  readonly isTroubled?: boolean;
}

export interface RoundOutcome {
  /** `lost`: it failed without having begun. */
  readonly result: "passed" | "failed" | "lost";
  readonly kills: number;
  readonly events: number;
}

/** The words that repeat a round. */
export function toCommand({ seed, victim, isTroubled = false }: RoundOptions): string {
  return `bun bench/crash.ts --rounds 1 --seed ${seed} --kill ${victim}${isTroubled ? " --faults" : ""}`;
}

/**
 * One job that is disturbed in the middle, and then what must hold: it ran once, is reported, its log at the hub is the one on this host, event by
 * event, and nothing of it lives. Throws with the command that repeats the round.
 */
export async function runRound(scene: Scene, options: RoundOptions): Promise<RoundOutcome> {
  try {
    return await attempt(scene, options);
  } catch (error) {
    throw new Error(`${toCommand(options)}\n${(error as Error).message}`, { cause: error });
  }
}

interface Round {
  readonly id: string;
  readonly job: CrashJob;
  readonly word: string;
  ran(): string;
  wrote(): string;
}

async function attempt(scene: Scene, options: RoundOptions): Promise<RoundOutcome> {
  const { hub, tester } = scene;
  const { seed, victim, isTroubled = false } = options;
  const random = createRandom(seed);
  const between: Between = (from, to) => from + Math.floor(random() * (to - from));
  const word = uniqueSeconds();
  const names = {
    word,
    ran: `ran-${word}`,
    wrote: `wrote-${word}`,
    isLong: victim === "job" || victim === "both",
  };
  const job = createCrashJob(between, names);
  const inHome = (name: string) => path.join(tester.home, name);
  const read = (name: string) => (existsSync(inHome(name)) ? readFileSync(inHome(name), "utf8") : "");
  const env = { SEMAPHORE_AGENT_STATE_DIR: inHome(`state-${word}`) };
  if (isTroubled) await addTroubles(scene, seed);

  // 1. Somebody is killed, and comes back.
  const id = await hub.submit(job.request);
  const round: Round = { id, job, word, ran: () => read(names.ran), wrote: () => read(names.wrote) };
  let agent: Running = scene.agent([], { env });
  let kills = 0;
  const endAgent = async (): Promise<void> => {
    agent.kill(victim === "hand-over" ? "SIGUSR2" : "SIGKILL");
    await agent.finished;
    kills += 1;
  };
  const endJob = (): void => {
    for (const pid of jobProcesses(id)) process.kill(pid, "SIGKILL");
    kills += 1;
  };
  if (victim === "agent" || victim === "hand-over") {
    for (let left = between(1, 4); left > 0; left--) {
      await Bun.sleep(between(0, 200 + job.durationMs));
      await endAgent();
      await Bun.sleep(between(0, 300));
      agent = scene.agent([], { env });
    }
  } else {
    await fileAppears(inHome(names.ran));
    await Bun.sleep(between(0, 400));
    const acts = victim === "job" ? [endJob] : between(0, 2) === 0 ? [endAgent, endJob] : [endJob, endAgent];
    for (const act of acts) {
      await act();
      await Bun.sleep(between(0, 200));
    }
    if (victim === "both") agent = scene.agent([], { env });
  }

  // 2. What must hold now.
  await hub.done(id);
  await hub.clearFaults();
  const { result, events, problems } = await examine(scene, round, victim, env.SEMAPHORE_AGENT_STATE_DIR);
  agent.kill("SIGTERM");
  const end = await agent.finished;
  // One that was started a moment ago, and has not said a word yet, does not listen to signals either.
  const isUnborn = end.exitCode === 143 && end.stdout === "";
  if (end.exitCode !== 0 && !isUnborn) problems.push(`the agent ended with ${end.exitCode}`);
  await until("the job's process is gone", () => jobProcesses(id).length === 0);
  if (problems.length > 0) {
    const calls = (await hub.calls()).slice(-30).map((call) => JSON.stringify(call));
    const told = [...problems, "--- agent:", end.stdout, "--- calls:", ...calls].join("\n");
    throw new Error(told.replaceAll(/x{9,}/g, "x…"));
  }
  return { result, kills, events };
}

async function examine(scene: Scene, { id, job, word, ran, wrote }: Round, victim: Victim, state: string) {
  const { hub, tester } = scene;
  const problems: string[] = [];
  const check = (isRight: boolean, problem: string) => void (isRight || problems.push(problem));
  const written = wrote();
  const { result } = await hub.job(id);
  const events = await hub.log(id);
  const lines = outline(events);
  const all = lines.join("\n");
  const kept = toEvents((await tester.run(["logs", id, "--json", "--state-dir", state])).stdout);
  check(
    isDeepStrictEqual(kept, events),
    `${events.length} events at the hub differ from ${kept.length} here`,
  );
  check(lines.at(-1) === `end ${result}`, `reported ${result}, logged ${lines.at(-1)}`);
  check(ran().length <= 1, `the job ran ${ran().length} times`);

  const isLost = victim !== "hand-over" && result === "failed" && unlucky.some((why) => all.includes(why));
  if (result === "passed") {
    const output = lines
      .filter((line) => line.startsWith("[for "))
      .map((line) => line.replace(/^\[[^\]]*\] 0: /s, ""));
    check(output.join("") === job.output, `the output is not whole:\n${output.join("")}`);
    check(written === job.output, `what the job wrote is not whole:\n${written}`);
  } else if (isLost) {
    check(ran() === "" && written === "", "the job ran, although it is said that it could not");
  } else {
    check(result === "failed" && (victim === "job" || victim === "both"), `the result is ${result}:\n${all}`);
    check(all.includes("[signalman: the job's process died; "), `no line says why:\n${all}`);
    check(job.output.startsWith(written), `what the job wrote has a gap:\n${written}`);
  }
  await Bun.sleep(50);
  check(wrote() === written, "the script goes on");
  check(living(word).length === 0, `still alive: ${living(word).join("\n")}`);
  // A process that is killed cannot know that its request or its report was heard; one that ends before it listens to signals leaves its row to the
  // hub.
  const excused = ["fetched-again", "job-id-wrong", "sync-late"];
  const breaches = (await hub.breaches()).filter(
    ({ jobId, rule }) => (jobId ?? id) === id && !excused.includes(rule),
  );
  check(breaches.length === 0, `violations: ${JSON.stringify(breaches)}`);
  const outcome: RoundOutcome["result"] = isLost ? "lost" : result === "passed" ? "passed" : "failed";
  return { result: outcome, events: events.length, problems };
}

/** A kill between the one answer to the fetch and the first sign of the job's process: it fails, and never began. */
const unlucky = ["that answer was lost", "the job's process could not be started"];

async function addTroubles({ hub }: Scene, seed: number): Promise<void> {
  for (const kind of ["delay-after", "drop-before", "drop-after", "cut", "bad-body", "status"] as const) {
    await hub.addFault({ kind, probability: 0.06, seed, delayMs: 200 });
  }
}
