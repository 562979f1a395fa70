import { watchMemory } from "../memory.ts";
import { readCpu, readMemory } from "../proc.ts";
import { productionInterval, type RunningAgent, startAgent } from "../running-agent.ts";
import type { MeasureGroup } from "./measure.ts";
import { writeFlood } from "./run.ts";

const idleMs = 20_000;
const slots = 10;
const shortJobs = 40;
const manyJobs = 1000;

/** Measures of `signalman start`. `uid`: an ordinary user. */
export function measureStart(uid: number | undefined): MeasureGroup {
  return {
    rounds: 15,
    figures: [
      { name: `start → registration${uid === undefined ? ", root" : ", ordinary user"}`, unit: "ms" },
    ],
    async measure(program) {
      await using agent = startAgent({ program, uid });
      const { at } = await agent.plane.until(({ endpoint }) => endpoint === "register");
      await agent.plane.until(({ endpoint }) => endpoint === "sync/waiting-for-jobs");
      return [at - agent.startedAt];
    },
  };
}

/** A hello job in a running agent: five rounds after one that warms up. */
export const dispatch: MeasureGroup = {
  rounds: 5,
  figures: [
    { name: "job given → first output at the server", unit: "ms" },
    { name: "job given → result at the server", unit: "ms" },
  ],
  async measure(program) {
    await using agent = startAgent({ program });
    const { plane } = agent;
    const spans: number[][] = [[], []];
    for (let round = 0; round < 6; round++) {
      plane.clear();
      const given = await plane.run(`hello-${round}`, ["echo hello"]);
      const output = await plane.until(
        ({ endpoint, text }) => endpoint === "log" && text.includes('"output":"hello'),
      );
      const finished = await plane.until(({ endpoint }) => endpoint === "sync/finished-job");
      await plane.until(({ endpoint, at }) => endpoint === "sync/waiting-for-jobs" && at > finished.at);
      await Bun.sleep(50);
      if (round > 0)
        [output.at - given, finished.at - given].forEach((span, index) => spans[index]!.push(span));
    }
    return spans.map((all) => all.reduce((sum, one) => sum + one, 0) / all.length);
  },
};

export const short: MeasureGroup = {
  rounds: 5,
  figures: [{ name: `${shortJobs} short jobs in ${slots} slots`, unit: "jobs/s", isHigherBetter: true }],
  async measure(program) {
    await using agent = startAgent({ program, args: ["--slots", String(slots), "--name", "bench-agent"] });
    await waitForSlots(agent);
    return [await runShortJobs(agent, shortJobs)];
  },
};

/** Whether an agent keeps something of each job. */
export const many: MeasureGroup = {
  rounds: 1,
  figures: [
    { name: `${manyJobs} jobs in a row, PSS after 250`, unit: "MB" },
    { name: `${manyJobs} jobs in a row, PSS at the end`, unit: "MB" },
    { name: `${manyJobs} jobs in a row, last 250`, unit: "jobs/s", isHigherBetter: true },
  ],
  async measure(program) {
    await using agent = startAgent({ program, args: ["--slots", String(slots), "--name", "bench-agent"] });
    await waitForSlots(agent);
    const pss: number[] = [];
    let rate = 0;
    for (let done = 0; done < manyJobs; done += 250) {
      rate = await runShortJobs(agent, 250);
      pss.push(readMemory(agent.pid).pss / 1e6);
    }
    return [pss[0]!, pss.at(-1)!, rate];
  },
};

export const flood: MeasureGroup = {
  rounds: 3,
  figures: [
    { name: "100 MB of output to a server", unit: "MB/s", isHigherBetter: true },
    { name: "… peak PSS of the agent", unit: "MB" },
    { name: "… peak PSS of agent and job's process", unit: "MB" },
  ],
  async measure(program) {
    const path = writeFlood();
    await using agent = startAgent({ program });
    const { plane } = agent;
    plane.intervalMs = () => 1000;
    plane.isQuiet = true;
    const peak = watchMemory(agent.pid);
    const given = await plane.run("flood", [`cat ${path}`]);
    const { at } = await plane.until(({ endpoint }) => endpoint === "sync/finished-job");
    const { total, agent: alone } = peak.stop();
    return [Bun.file(path).size / 1e3 / (at - given), alone / 1e6, total / 1e6];
  },
};

export const idle: MeasureGroup = {
  rounds: 1,
  figures: [
    { name: "PSS just after the start", unit: "MB" },
    { name: `PSS of an agent that was idle for ${idleMs / 1000} s`, unit: "MB" },
    { name: `CPU of an idle agent in ${idleMs / 1000} s`, unit: "ms" },
  ],
  async measure(program) {
    await using agent = startAgent({ program });
    agent.plane.intervalMs = productionInterval;
    await agent.plane.until(({ endpoint }) => endpoint.startsWith("sync/"));
    await Bun.sleep(500);
    const start = readMemory(agent.pid).pss;
    const cpu = readCpu(agent.pid);
    await Bun.sleep(idleMs);
    return [start / 1e6, readMemory(agent.pid).pss / 1e6, readCpu(agent.pid) - cpu];
  },
};

async function waitForSlots({ plane }: RunningAgent): Promise<void> {
  let registered = 0;
  await plane.until(({ endpoint }) => endpoint === "register" && ++registered === slots);
}

/** Returns the jobs per second. */
async function runShortJobs({ plane }: RunningAgent, count: number): Promise<number> {
  plane.clear();
  const from = performance.now();
  for (let job = 0; job < count; job++) void plane.run(`short-${from}-${job}`, ["echo hello"]);
  let finished = 0;
  await plane.until(({ endpoint }) => endpoint === "sync/finished-job" && ++finished === count);
  return count / ((performance.now() - from) / 1000);
}
