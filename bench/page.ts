// Measures what a page costs a compiled agent: `npm run build && bun bench/page.ts [<part>…]`.
import { findChildren, readCpu, readMemory } from "./proc.ts";
import { mb, row } from "./figures.ts";
import { productionInterval, runParts, startAgent } from "./running-agent.ts";

const address = "127.0.0.1:9688";
const page = ["--page-listen", address];
const spanMs = 10_000;

await runParts({ idle, recording });

/** Measures an idle agent: without a page, with one that nobody has open, and with an open overview. */
async function idle(): Promise<void> {
  row("idle, without a page", await readIdle([], 0));
  row("idle, with a page", await readIdle(page, 0));
  row("idle, with an open page", await readIdle(page, 1));
  row("idle, with ten open pages", await readIdle(page, 10));
}

async function readIdle(args: readonly string[], pages: number): Promise<string> {
  await using agent = startAgent({ args });
  const { plane } = agent;
  plane.intervalMs = productionInterval;
  await plane.until(({ endpoint }) => endpoint === "sync/waiting-for-jobs");
  const left = new AbortController();
  for (let each = 0; each < pages; each++) {
    const { body } = await fetch(`http://${address}/api/events`, { signal: left.signal });
    void body!.pipeTo(new WritableStream()).catch(() => {});
  }
  await Bun.sleep(3000);
  const cpu = await readCpuOf(agent.pid);
  const memory = readMemory(agent.pid).pss;
  left.abort();
  return `${cpu} in 10 s, ${mb(memory)} PSS`;
}

/** Measures the process of a job that sleeps, and is recorded or not. */
async function recording(): Promise<void> {
  row("process of a sleeping job, not recorded", await readJob([]));
  row("process of a sleeping job, recorded", await readJob(page));
}

async function readJob(args: readonly string[]): Promise<string> {
  await using agent = startAgent({ args });
  const { plane } = agent;
  await plane.run("sleeps", ["echo begun; sleep 600"]);
  await plane.until(({ endpoint, text }) => endpoint === "log" && text.includes('"output":"begun'));
  await Bun.sleep(3000);
  const [job] = findChildren(agent.pid);
  const cpu = await readCpuOf(job!);
  await plane.stop("sleeps");
  return `${cpu} in 10 s, ${mb(readMemory(job!).pss)} PSS`;
}

async function readCpuOf(pid: number): Promise<string> {
  const before = readCpu(pid);
  await Bun.sleep(spanMs);
  return `CPU ${(readCpu(pid) - before).toFixed(0)} ms`;
}
