import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createScene } from "../e2e/support/agents.ts";
import { readMemory } from "./proc.ts";

// Runs many small jobs in one agent and checks that its resources do not grow: `bun bench/soak.ts --jobs
// 2000`.
const { values } = parseArgs({ options: { jobs: { type: "string", default: "2000" } } });
const jobs = Number(values.jobs);
const warmUp = Math.ceil(jobs / 4);
const growth = 0.05;

await using scene = await createScene({ hub: ["--sync-interval", "5"] });
const batchSize = 50;
// The state directory keeps the logs of one batch, so that its size is constant.
const agent = await scene.readyAgent(["--kept-logs-size", "100KiB"]);
let first: Sample | undefined;
for (let done = 0; done < jobs; done += batchSize) {
  const ids = await Promise.all(
    Array.from({ length: Math.min(batchSize, jobs - done) }, (_, i) =>
      scene.hub.submit({ commands: [`echo ${done + i}`] }),
    ),
  );
  for (const id of ids) {
    const { result } = await scene.hub.done(id);
    if (result !== "passed") throw new Error(`job ${id}: ${result}`);
  }
  if (first === undefined && done + batchSize >= warmUp) first = print(done + batchSize, measure());
}
const last = print(jobs, measure());
// One more descriptor or thread is normal variation of Bun.
const grown = (Object.keys(last) as (keyof Sample)[]).filter(
  (name) => last[name] > first![name] * (1 + growth) + 1,
);
console.log(grown.length === 0 ? "no growth" : `grown: ${grown.join(", ")}`);
process.exitCode = grown.length === 0 ? 0 : 1;

interface Sample {
  readonly rss: number;
  readonly pss: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly children: number;
  /** Files in the state directory. */
  readonly files: number;
}

function measure(): Sample {
  const { pid } = agent;
  const children = readdirSync("/proc").filter((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      return Number(stat.slice(stat.lastIndexOf(")") + 4).split(" ")[0]) === pid;
    } catch {
      return false;
    }
  });
  return {
    ...readMemory(pid),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    children: children.length,
    files: readdirSync(scene.stateDirectory, { recursive: true }).length,
  };
}

function print(done: number, sample: Sample): Sample {
  const { rss, pss, ...counts } = sample;
  const megabytes = `rss ${(rss / 1e6).toFixed(1)} MB, pss ${(pss / 1e6).toFixed(1)} MB`;
  const rest = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  console.log(`after ${done} jobs: ${[megabytes, ...rest].join(", ")}`);
  return sample;
}
