// Measures the cost of health and metrics for a compiled agent: `npm run build && bun bench/health.ts
// [<part>…]`.
import { readCpu, readMemory } from "./proc.ts";
import { mb, row } from "./figures.ts";
import { productionInterval, runParts, startAgent } from "./running-agent.ts";

const listen = "127.0.0.1:9687";
const health = ["--health-listen", listen];
const spanMs = 30_000;

const startSlots = (slots: number, args: readonly string[]) =>
  startAgent({ args: ["--slots", String(slots), "--name", "bench-agent", ...args] });

await runParts({ memory, scrape });

/** Measures the memory of an idle agent with all slots registered. */
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
  plane.intervalMs = productionInterval;
  await plane.until(
    () => plane.calls.filter(({ endpoint }) => endpoint === "sync/waiting-for-jobs").length >= slots,
  );
  if (args.length > 0) await read("/metrics");
  await Bun.sleep(8000);
  return readMemory(agent.pid).pss;
}

/** Measures the processor time of one scrape a second, for an agent with ten slots. */
async function scrape(): Promise<void> {
  await using agent = startSlots(10, health);
  const { plane } = agent;
  plane.intervalMs = productionInterval;
  await plane.until(({ endpoint }) => endpoint === "sync/waiting-for-jobs");
  for (let round = 0; round < 20; round++) await read("/metrics");
  await Bun.sleep(2000);
  const idle = await readShare(agent.pid, async () => {});
  const scraped = await readShare(agent.pid, () => read("/metrics"));
  row("idle, slots: 10", `${idle.toFixed(2)} % of a core`);
  row("… with a scrape every second", `${scraped.toFixed(2)} % of a core (< 1 % more)`);
}

/** Returns the processor time in percent of a core, while `act` is called every second. */
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
