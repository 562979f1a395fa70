// Measures how fast the cache stores and restores an object in parts of 5 MiB, five at once, beside `cp` on the same
// disk (none is synchronised with it), a bare server in C and versitygw; how many small objects it takes and gives per
// second; and how much its memory grows while 20 jobs restore: `bun bench/cache.ts [megabytes]`. The client is
// compiled with `cc`, and versitygw is built with `go`; without it, its rows are missing.
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LargeClient, run } from "./cache/client.ts";
import {
  compile,
  type Server,
  type ServerOptions,
  startBare,
  startCache,
  startOther,
} from "./cache/servers.ts";
import { median, mb, ms, row } from "./figures.ts";
import { readCpu, readMemory } from "./proc.ts";

const bytes = Number(process.argv[2] ?? 1000) * 1_000_000;
const rounds = 5;
const smallObjects = 10_000;

const directory = mkdtempSync(join(tmpdir(), "signalman-bench-"));
try {
  const source = join(directory, "source");
  await makeFile(source);
  const options = { directory, program: compile(directory, "client"), bytes };
  await measureLarge(options, source);
  await measureMemory(options);
  await measureSmall(options, source);
} finally {
  rmSync(directory, { recursive: true });
}

/** Measures all servers in each round, after `cp`. All write new files. */
async function measureLarge(options: ServerOptions, source: string): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const servers: Record<string, Server<LargeClient>> = {
    cache: stack.use(await startCache(options)),
    "bare C server": stack.use(await startBare(options)),
  };
  try {
    servers["versitygw"] = stack.use(await startOther(options));
  } catch (error) {
    row("versitygw", `left out: ${String(error)}`);
  }
  const [copied, restored] = [join(directory, "copied"), join(directory, "restored")];
  const copies: number[] = [];
  const measured = Object.keys(servers).map((name) => ({ name, store: [], restore: [], cpu: [] }) as Rates);
  for (let round = 0; round < rounds; round++) {
    rmSync(copied, { force: true });
    copies.push(await toRate(() => run(["cp", source, copied])));
    for (const { name, store, restore, cpu } of measured) {
      const { pid, clients } = servers[name]!;
      await clients[0].remove();
      store.push(await toRate(() => clients[0].store(source)));
      rmSync(restored, { force: true });
      const before = readCpu(pid);
      restore.push(await toRate(() => clients[0].restore(restored)));
      cpu.push(((readCpu(pid) - before) / bytes) * 1e9);
      await run(["cmp", source, restored]);
    }
  }
  row("cp", `${mb(median(copies))}/s`);
  for (const { name, store, restore, cpu } of measured) {
    row(`${name}: store`, toShare(store, copies));
    row(`${name}: restore`, toShare(restore, copies));
    // The threads of the bare server end with their connections, and their times with them.
    if (name === "cache") row(`${name}: CPU time to restore 1 GB`, ms(median(cpu)));
  }
}

interface Rates {
  readonly name: string;
  readonly store: number[];
  readonly restore: number[];
  readonly cpu: number[];
}

function toShare(rates: readonly number[], copies: readonly number[]): string {
  const share = median(rates.map((rate, round) => rate / copies[round]!));
  return `${mb(median(rates))}/s, ${Math.round(share * 100)} % of cp`;
}

/**
 * Returns bytes per second. Each time begins with memory that was just used: on a virtual machine, memory that the host
 * has taken back costs a second for each gigabyte, which would be measured for whoever comes first.
 */
async function toRate(work: () => Promise<unknown>): Promise<number> {
  Bun.spawnSync(["sync", "--file-system", directory]);
  const used = join(directory, "used");
  await run(["cp", join(directory, "source"), used]);
  rmSync(used);
  const start = performance.now();
  await work();
  return bytes / ((performance.now() - start) / 1000);
}

/** A new process has no memory from what came before. */
async function measureMemory(options: ServerOptions): Promise<void> {
  await using server = await startCache(options);
  const { pid, clients } = server;
  const before = readMemory(pid).rss;
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, readMemory(pid).rss)), 20);
  await Promise.all(clients.map((each) => each.restore("/dev/null")));
  clearInterval(timer);
  row(
    `memory of the server: before and with ${clients.length} restores`,
    `${mb(before)}, ${mb(peak)} (+${mb(peak - before)})`,
  );
}

async function measureSmall(options: ServerOptions, source: string): Promise<void> {
  await using server = await startCache(options);
  const { pid, clients } = server;
  for (const method of ["put", "get"] as const) {
    const path = method === "put" ? source : "/dev/null";
    const transfer = await clients[0].prepareSmall(method, path, smallObjects);
    const [cpu, start] = [readCpu(pid), performance.now()];
    await transfer();
    const seconds = (performance.now() - start) / 1000;
    const each = (readCpu(pid) - cpu) / smallObjects;
    row(`${method} objects of 1 kB`, `${Math.round(smallObjects / seconds)}/s, ${ms(each)} of CPU time each`);
  }
}

async function makeFile(path: string): Promise<void> {
  await using file = await open(path, "wx");
  const block = crypto.getRandomValues(Buffer.alloc(65_536));
  for (let at = 0; at < bytes; at += block.length)
    await file.write(block, 0, Math.min(block.length, bytes - at));
}
