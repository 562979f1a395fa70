// Measures how fast hosted mode answers `GET log?start_from=` on a long log, and how much memory that takes:
// `bun bench/serve.ts [events]`.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { mb, row, spread } from "./figures.ts";

const events = Number(process.argv[2] ?? 100_000);
const seconds = 10;
const connections = 8;

const child = Bun.spawn([process.execPath, `${import.meta.dir}/serve-process.ts`, String(events)], {
  stdio: ["ignore", "pipe", "inherit"],
});
const { url, ca } = await readAnnouncement();
const authorization = `Bearer ${sign("secret")}`;
await read(events - 100);
const before = readCounts();
let peak = before.rss;
const sampling = setInterval(() => (peak = Math.max(peak, readCounts().rss)), 50);
const paced = await readAll(1000);
clearInterval(sampling);
const after = readCounts();
const growth = peak - before.rss;
const reads = await readAll(Infinity);
row(`reads of the last 10 of ${events} events`, `${(reads.length / seconds).toFixed(0)}/s, ${spread(reads)}`);
row(
  "read from disk or page cache for each",
  `${((after.readBytes - before.readBytes) / paced.length / 1000).toFixed(1)} kB`,
);
row("growth of memory at a thousand reads a second", `${mb(growth)}, of ${mb(before.rss)}`);
const started = performance.now();
const bytes = await read(0);
row("the whole log, once", `${mb(bytes)} in ${(performance.now() - started).toFixed(0)} ms`);
child.kill("SIGTERM");
await child.exited;
if (reads.length / seconds < 1000 || growth > 50e6) process.exitCode = 1;

/** Reads the end of the log over several connections, as a page that shows a job live does. */
async function readAll(rate: number): Promise<number[]> {
  const durations: number[] = [];
  const begin = performance.now();
  const deadline = begin + seconds * 1000;
  const work = async (): Promise<void> => {
    while (performance.now() < deadline) {
      const startedAt = performance.now();
      const waitMs = begin + (durations.length / rate) * 1000 - startedAt;
      if (waitMs > 1) await Bun.sleep(waitMs);
      await read(events - 10);
      durations.push(performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  return durations;
}

async function read(startFrom: number): Promise<number> {
  const response = await fetch(`${url}/jobs/bench/log?start_from=${startFrom}`, {
    headers: { Authorization: authorization },
    tls: { ca },
  });
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  return (await response.arrayBuffer()).byteLength;
}

function readCounts(): { rss: number; readBytes: number } {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  const io = readFileSync(`/proc/${child.pid}/io`, "utf8");
  return {
    rss: Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024,
    readBytes: Number(/rchar: (\d+)/.exec(io)![1]),
  };
}

async function readAnnouncement(): Promise<{ url: string; ca: string }> {
  let text = "";
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    if (text.includes("\n")) return JSON.parse(text) as { url: string; ca: string };
  }
  throw new Error("the server has not started");
}

function sign(secret: string): string {
  const text = [{ alg: "HS256" }, {}]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}
