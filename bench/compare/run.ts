import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { median } from "../figures.ts";
import { env, home } from "../running-agent.ts";
import type { Measure } from "./measure.ts";

const trues = Array<string>(300).fill("true");
const megabytes = 100;

/** Measures of `signalman run`. `uid`: an ordinary user. */
export function measureRun(uid: number | undefined): Measure[] {
  const who = uid === undefined ? "" : ", ordinary user";
  return [
    {
      name: `run of hello${who}`,
      unit: "ms",
      rounds: 21,
      measure: async (program) => (await timeRun(program, "hello", ["echo hello"], uid)).wallMs,
    },
    ...(uid === undefined ? [cpu, flood] : []),
  ];
}

const cpu: Measure = {
  name: "CPU for 300 × `true`",
  unit: "ms",
  rounds: 11,
  measure: async (program) => (await timeRun(program, "trues", trues)).cpuMs,
};

const flood: Measure = {
  name: `${megabytes} MB through \`run\`, share of a bare terminal`,
  unit: "%",
  isHigherBetter: true,
  rounds: 5,
  async measure(program) {
    const bare = [await timeBareTerminal(), await timeBareTerminal()];
    const { wallMs } = await timeRun(program, "flood", [`cat ${writeFlood()}`]);
    return (100 * median([...bare])) / wallMs;
  },
};

/** Writes 100 MB of lines once, and returns the path. */
export function writeFlood(): string {
  const path = join(home, "flood.txt");
  const line = `${"x".repeat(79)}\n`;
  if (!Bun.file(path).size) writeFileSync(path, line.repeat((megabytes * 1e6) / line.length));
  return path;
}

async function timeRun(program: string, name: string, commands: readonly string[], uid?: number) {
  const path = join(home, `${name}.json`);
  writeFileSync(path, JSON.stringify({ commands }));
  chmodSync(home, 0o1777);
  const from = performance.now();
  const child = Bun.spawn([program, "run", path], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  if ((await child.exited) !== 0) throw new Error(`"run" of ${name} failed: ${await child.stderr.text()}`);
  const wallMs = performance.now() - from;
  return { wallMs, cpuMs: Number(child.resourceUsage()!.cpuTime.total) / 1000 };
}

/** Reads the same output from a terminal and drops it. */
async function timeBareTerminal(): Promise<number> {
  const path = writeFlood();
  readFileSync(path);
  const from = performance.now();
  const child = Bun.spawn(["cat", path], { terminal: { data() {} } });
  await child.exited;
  return performance.now() - from;
}
