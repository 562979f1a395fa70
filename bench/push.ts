// Measures the delivery of a log to a server on loopback: throughput, processor time, requests and delay:
// `bun bench/push.ts [megabytes]`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogPush } from "../plugins/log-push/push.ts";
import { createSpool, type Spool } from "../src/job/log/spool.ts";
import type { SpoolCursor } from "../src/core/contracts/spool.ts";
import { jobRequest } from "../src/testing/fixtures.ts";
import { silentLogger } from "../src/testing/loggers.ts";

const megabytes = Number(process.argv[2] ?? 100);
const defaults = {
  userAgent: "SemaphoreAgent/bench",
  maxEvents: 2000,
  maxBytes: 512 * 1024,
  intervalMs: 100,
  timeoutMs: 30_000,
  retryDelayMs: 250,
  retryDelayMaxMs: 10_000,
};

if (process.argv[2] === "server") serve();
else await main();

/**
 * Runs a server in its own process. Prints its port, then a line for each request: events so far, time,
 * bytes.
 */
function serve(): void {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const body = await request.bytes();
      let events = Number(new URL(request.url).searchParams.get("start_from"));
      for (let at = body.indexOf(0x0a); at >= 0; at = body.indexOf(0x0a, at + 1)) events += 1;
      console.log(`${events} ${Date.now()} ${body.length}`);
      return new Response();
    },
  });
  console.log(server.port);
}

interface Arrival {
  readonly events: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly bytes: number;
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "signalman-bench-"));
  const child = Bun.spawn([process.execPath, import.meta.path, "server"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const arrivals: Arrival[] = [];
  const { promise: port, resolve } = Promise.withResolvers<string>();
  void readLines(child.stdout, (line) => {
    const [events, at, bytes] = line.split(" ").map(Number) as [number, number, number];
    if (bytes === undefined) resolve(line);
    else arrivals.push({ events, at, bytes });
  });
  const url = `http://127.0.0.1:${await port}/log`;
  try {
    await plain(url);
    arrivals.length = 0;
    for (const [name, bytes] of [
      ["events of 32 KiB", 32 * 1024],
      ["events of 500 bytes", 500],
    ] as const) {
      await flood(name, join(directory, `${bytes}.ndjson`), url, bytes, arrivals);
      arrivals.length = 0;
    }
    for (const everyMs of [1000, 100, 20, 3]) {
      await trickle(join(directory, `${everyMs}-trickle.ndjson`), url, everyMs, arrivals);
      arrivals.length = 0;
    }
  } finally {
    child.kill();
    rmSync(directory, { recursive: true });
  }
}

/** Measures plain fetch with bodies of the same size, for comparison. */
async function plain(url: string): Promise<void> {
  const body = new Uint8Array(1024 * 1024).fill(0x78);
  await measure("plain fetch, 1 MiB per request", megabytes * 1e6, async () => {
    for (let sent = 0; sent < megabytes * 1e6; sent += body.length)
      await (await fetch(url, { method: "POST", body })).text();
  });
}

async function flood(
  name: string,
  path: string,
  url: string,
  bytes: number,
  arrivals: Arrival[],
): Promise<void> {
  using spool = createSpool(path, { diskLimitBytes: Infinity, fsyncIntervalMs: 0 });
  const output = "x".repeat(bytes - 60);
  while (spool.stats.bytes < megabytes * 1e6) append(spool, output);
  spool.close();
  const requests = await measure(name, spool.stats.bytes, () => push(spool, url, () => arrivals.length));
  console.log(`${"".padEnd(34)} ${requests / 3} requests`);
}

/** Measures the time from appending a line to its arrival, with a line every `everyMs`. */
async function trickle(path: string, url: string, everyMs: number, arrivals: Arrival[]): Promise<void> {
  using spool = createSpool(path, { diskLimitBytes: Infinity });
  const printedAt: number[] = [];
  const running = push(spool, url, () => arrivals.length);
  const count = Math.min(500, 3000 / everyMs);
  for (let line = 0; line < count; line += 1) {
    printedAt.push(Date.now());
    append(spool, `line ${line}\n`);
    await Bun.sleep(everyMs);
  }
  spool.close();
  await running;
  await Bun.sleep(50);
  const delays = printedAt.map(
    (at, index) => (arrivals.find(({ events }) => events > index)?.at ?? Infinity) - at,
  );
  const first = delays[0];
  delays.sort((a, b) => a - b);
  const [median, p95] = [0.5, 0.95].map((share) => delays[Math.floor(delays.length * share)]);
  const seconds = (count * everyMs) / 1000;
  console.log(
    `${`a line every ${everyMs} ms`.padEnd(34)} first ${first} ms, median ${median} ms, p95 ${p95} ms, ${(arrivals.length / seconds).toFixed(1)} requests per second`,
  );
}

function append(spool: Spool, output: string): void {
  spool.append({ event: "cmd_output", timestamp: 1_700_000_000, output });
}

async function push(spool: Spool, url: string, requests: () => number): Promise<number> {
  using reader = spool.reader();
  const context = {
    job: jobRequest({ logger: { method: "push", url, token: "a-token", maxSizeInBytes: 0 } }),
    logger: silentLogger,
    spool: reader,
    openReader: () => spool.reader(),
    saveCursor: (_cursor: SpoolCursor) => {},
    refreshToken: async () => "a-token",
  };
  await using backend = createLogPush(context, defaults);
  const delivery = await backend.run(new AbortController().signal);
  if (delivery.undelivered > 0)
    throw new Error(`delivery failed: ${delivery.undelivered} events undelivered`);
  return requests();
}

/** Prints the throughput and the processor time per megabyte of this process, the best of three runs. */
async function measure<T>(name: string, bytes: number, work: () => Promise<T>): Promise<T> {
  let best = { rate: 0, cpu: 0 };
  let result: T;
  for (let run = 0; ; run += 1) {
    const before = process.cpuUsage();
    const start = performance.now();
    result = await work();
    const rate = bytes / 1e3 / (performance.now() - start);
    const { user, system } = process.cpuUsage(before);
    if (rate > best.rate) best = { rate, cpu: (user + system) / 1e3 / (bytes / 1e6) };
    if (run === 2) break;
  }
  const rss = process.memoryUsage.rss() / 1e6;
  console.log(
    `${name.padEnd(34)} ${best.rate.toFixed(0)} MB/s, ${best.cpu.toFixed(2)} ms CPU per megabyte, ${rss.toFixed(0)} MB RSS`,
  );
  return result;
}

async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach(take);
  }
}
