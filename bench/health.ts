// What health and metrics cost an agent, compiled: `bun run build && bun bench/health.ts [<part>…]`.
import { readCpu, readMemory } from "./proc.ts";
import { mb, row, runParts, startAgent, usual } from "./running-agent.ts";

const listen = "127.0.0.1:9687";
const health = ["--health-listen", listen];
const spanMs = 30_000;

const startSlots = (slots: number, args: readonly string[]) =>
  startAgent(undefined, ["--slots", String(slots), "--name", "bench-agent", ...args]);

await runParts({ memory, scrape });

/** Of an agent that waits, its slots all registered. */
async function memory(): Promise<void> {
  for (const slots of [1, 10]) {
    const off = await readIdle(slots, []);
    const on = await readIdle(slots, health);
    const target = slots === 10 ? " (< 70 MB)" : "";
    row(`idle, slots: ${slots}`, `${mb(off)} PSS; with health ${mb(on)}${target}`);
  }
}

async function readIdle(slots: number, args: readonly string[]): Promise<number> {
  await using agent = startSlots(slots, args);
  const { plane } = agent;
  plane.intervalMs = usual;
  await plane.until(() => plane.calls.filter(({ what }) => what === "sync/waiting-for-jobs").length >= slots);
  if (args.length > 0) await read("/metrics");
  await Bun.sleep(8000);
  return readMemory(agent.pid).pss;
}

/** Once a second, of an agent of ten slots. */
async function scrape(): Promise<void> {
  await using agent = startSlots(10, health);
  const { plane } = agent;
  plane.intervalMs = usual;
  await plane.until(({ what }) => what === "sync/waiting-for-jobs");
  for (let round = 0; round < 20; round++) await read("/metrics");
  await Bun.sleep(2000);
  const idle = await readShare(agent.pid, async () => {});
  const scraped = await readShare(agent.pid, () => read("/metrics"));
  row("idle, slots: 10", `${idle.toFixed(2)} % of a core`);
  row("… and a scrape each second", `${scraped.toFixed(2)} % of a core (< 1 % more)`);
}

/** Percent of a core, with something done each second. */
async function readShare(pid: number, act: () => Promise<unknown>): Promise<number> {
  const [cpu, from] = [readCpu(pid), performance.now()];
  while (performance.now() - from < spanMs) {
    await act();
    await Bun.sleep(1000);
  }
  return ((readCpu(pid) - cpu) / (performance.now() - from)) * 100;
}

async function read(page: string): Promise<string> {
  return (await fetch(`http://${listen}${page}`)).text();
}
