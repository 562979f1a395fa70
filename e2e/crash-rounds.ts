import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { fileAppears, jobProcesses, type Scene } from "./agents.ts";
import type { Running } from "./fixtures.ts";
import { living, outline, uniqueSeconds, until } from "./jobs.ts";

/** Who gets SIGKILL: the agent (up to three times), the job's process, or the one and then the other. */
export const victims = ["agent", "job", "both"] as const;
export type Victim = (typeof victims)[number];

export interface RoundOptions {
  readonly seed: number;
  readonly victim: Victim;
}

export interface RoundOutcome {
  readonly result: string;
  readonly kills: number;
  readonly events: number;
}

/** What is left of a round that was spoiled: its words repeat it. */
export function toCommand({ seed, victim }: RoundOptions): string {
  return `bun bench/crash.ts --rounds 1 --seed ${seed} --kill ${victim}`;
}

/**
 * One job, in the middle of which somebody is killed with SIGKILL, and then what must hold: it ran once, is reported, its log at the hub is the one
 * on this host, event by event, and nothing of it lives. Throws with the command that repeats the round.
 */
export async function runRound(scene: Scene, options: RoundOptions): Promise<RoundOutcome> {
  try {
    return await attempt(scene, options);
  } catch (error) {
    throw new Error(`${toCommand(options)}\n${(error as Error).message}`, { cause: error });
  }
}

async function attempt(scene: Scene, options: RoundOptions): Promise<RoundOutcome> {
  const { hub, tester } = scene;
  const random = createRandom(options.seed);
  const between = (from: number, to: number) => from + Math.floor(random() * (to - from));
  const word = uniqueSeconds();
  const files = { ran: `ran-${word}`, wrote: `wrote-${word}` };
  const job = createJob(between, word, files);
  const state = { env: { SEMAPHORE_AGENT_STATE_DIR: path.join(tester.home, `state-${word}`) } };
  const id = await hub.submit(job.request);
  const wrote = () => read(path.join(tester.home, files.wrote));
  let agent: Running = scene.agent([], state);
  let kills = 0;
  const killAgent = async (): Promise<void> => {
    agent.kill("SIGKILL");
    await agent.finished;
    kills += 1;
  };

  if (options.victim === "agent") {
    for (let left = between(1, 4); left > 0; left--) {
      await Bun.sleep(between(0, 900));
      await killAgent();
      await Bun.sleep(between(0, 300));
      agent = scene.agent([], state);
    }
  } else {
    await fileAppears(path.join(tester.home, files.ran));
    await Bun.sleep(between(0, 700));
    const pids = jobProcesses(id);
    const killJob = () => {
      for (const pid of pids) process.kill(pid, "SIGKILL");
      kills += pids.length;
    };
    if (options.victim === "job") killJob();
    else {
      const isAgentFirst = random() < 0.5;
      if (isAgentFirst) await killAgent();
      else killJob();
      await Bun.sleep(between(0, 100));
      if (isAgentFirst) killJob();
      else await killAgent();
      await Bun.sleep(between(0, 300));
      agent = scene.agent([], state);
    }
  }

  const view = await hub.done(id);
  const atTheEnd = wrote();
  const events = await hub.log(id);
  const lines = outline(events);
  const problems: string[] = [];
  const check = (isRight: boolean, problem: string) => void (isRight || problems.push(problem));
  const kept = await tester.run(["logs", id, "--json", "--state-dir", state.env.SEMAPHORE_AGENT_STATE_DIR]);
  check(
    isDeepStrictEqual(
      kept.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
      events,
    ),
    `the hub's log differs from the one on this host:\n${kept.stdout}\n---\n${JSON.stringify(events)}`,
  );
  const output = lines
    .filter((line) => line.startsWith("[for "))
    .map((line) => line.replace(/^\[[^\]]*\] \d+: /s, ""))
    .join("");
  const runs = read(path.join(tester.home, files.ran)).length;
  check(runs <= 1, `the job ran ${runs} times`);
  const isLost = view.result === "failed" && lines.join("\n").includes("that answer was lost");
  const isWhole = view.result === "passed";
  if (isWhole)
    check(
      output === job.output && atTheEnd === job.output,
      `the output is not whole:\n${output}\n--- written:\n${atTheEnd}`,
    );
  else if (isLost) check(runs === 0, "the job ran, although its request is said to be lost");
  else {
    check(
      options.victim !== "agent" && view.result === "failed",
      `the result is ${view.result}:\n${lines.join("\n")}`,
    );
    check(lines.at(-1) === "end failed", `the log ends with ${lines.at(-1)}`);
    check(
      lines.some((line) => line.includes("[signalman: the job's process died; ")),
      `no line says why:\n${lines.slice(3).join("\n")}`,
    );
    check(job.output.startsWith(atTheEnd), `what the job wrote has a gap:\n${atTheEnd}`);
  }
  check(view.result === lines.at(-1)?.replace("end ", ""), `reported ${view.result}, logged ${lines.at(-1)}`);
  await Bun.sleep(50);
  check(wrote() === atTheEnd, "the script goes on");
  check(living(word).length === 0, `still alive: ${living(word).join("\n")}`);
  const violations = (await hub.violations()).filter(
    ({ jobId, rule }) => (jobId ?? id) === id && !excused.has(rule),
  );
  check(violations.length === 0, `violations: ${JSON.stringify(violations)}`);
  agent.kill("SIGTERM");
  const end = await agent.finished;
  check(end.exitCode === 0, `the agent ended with ${end.exitCode}:\n${end.stdout}`);
  await until("the job's process is gone", () => jobProcesses(id).length === 0);
  if (problems.length > 0) {
    const calls = (await hub.calls()).slice(-30).map((call) => JSON.stringify(call));
    const told = [...problems, "--- agent:", end.stdout, "--- calls:", ...calls].join("\n");
    throw new Error(told.replaceAll(/x{9,}/g, "x…"));
  }
  return { result: isLost ? "lost" : view.result!, kills, events: events.length };
}

/** A process that is killed cannot know when it may sync, nor that a request came whole. */
const excused = new Set(["sync-early", "fetched-again"]);

/** Prints some hundred lines in one to one and a half seconds, and notes each in a file. */
function createJob(
  between: (from: number, to: number) => number,
  word: string,
  files: { ran: string; wrote: string },
) {
  const commands = [`echo -n 1 >> ${files.ran}; (sleep ${word} &)`];
  let output = "";
  for (let block = 0; block < 4; block++) {
    const [count, length] = [between(5, 30), between(1, 400)];
    const pad = "x".repeat(length);
    const line = `${block}-$i-${pad}`;
    const pause = (between(150, 400) / 1000 / count).toFixed(4);
    commands.push(
      `for i in $(seq ${count}); do echo ${line} >> ${files.wrote}; echo ${line}; sleep ${pause}; done`,
    );
    for (let i = 1; i <= count; i++) output += `${block}-${i}-${pad}\n`;
  }
  const secret = { name: "PLAIN_VARIABLE", value: Buffer.from("x").toString("base64") };
  return { request: { env_vars: [secret], commands }, output };
}

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** Evenly in [0, 1), the same for the same seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
