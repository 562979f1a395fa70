// Measures the cost of redaction: writing a job's output to disk with and without redacted values and token
// shapes: `bun bench/redact.ts [megabytes]`.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJobLog } from "./job-log.ts";
import type { Output } from "../src/core/contracts/job-log.ts";
import { createRedactor, type Redactor } from "../plugins/redact/redactor.ts";
import { createSpool } from "../src/job/log/spool.ts";

const megabytes = Number(process.argv[2] ?? 64);
const mebibyte = 1024 * 1024;
/** Maximum size of a chunk; the reads of a busy terminal have all sizes. */
const mostBytes = 96 * 1024;
const rounds = 9;
const directory = mkdtempSync(join(tmpdir(), "signalman-bench-"));

/** A random generator that is the same in each run (mulberry32). */
let state = 1;
const random = (below: number) => {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
};
const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
const hex = (length: number) => Array.from({ length }, () => random(16).toString(16)).join("");
const base64 = (length: number) => Buffer.from(Array.from({ length }, () => random(256))).toString("base64");

/** English words, and words of programs. */
const words = [
  ...new Set(readFileSync(join(import.meta.dir, "../docs/architecture.md"), "utf8").match(/[A-Za-z_]{2,}/g)),
];
const sentence = (length: number) => Array.from({ length }, () => pick(words)).join(" ");
const kinds: Readonly<Record<string, () => string>> = {
  words: () => sentence(12),
  colours: () =>
    `\x1b[32m✓\x1b[0m \x1b[2msrc/${pick(words)}/${pick(words)}.test.ts\x1b[22m ${sentence(4)} \x1b[33m${random(9000)} ms\x1b[39m`,
  numbers: () =>
    `2026-11-24T${10 + random(10)}:${10 + random(50)}:${10 + random(50)}.${random(1000)}Z [${random(100)}%] ${random(99999)} / ${random(99999)} kB, ${random(999)}.${random(99)} MB/s`,
  hashes: () => `${hex(40)} ${pick(words)}/${pick(words)}_${pick(words)}.o sha256:${hex(64)}`,
  base64: () => `integrity sha512-${base64(64)}`,
  table: () => `| ${pick(words).padEnd(20)} | ${String(random(9999)).padStart(8)} |${"-".repeat(30)}|`,
};
const toLines = (make: () => string, bytes: number): Buffer => {
  let text = "";
  while (text.length < bytes) text += `${make()}\r\n`;
  return Buffer.from(text);
};
const samples: Readonly<Record<string, Buffer>> = {
  mixed: toLines(() => pick(Object.values(kinds))(), 2 * mebibyte),
  ...Object.fromEntries(Object.entries(kinds).map(([name, make]) => [name, toLines(make, mebibyte)])),
  constant: Buffer.alloc(mebibyte, "a"),
};

/**
 * Secrets of realistic lengths: tokens, hashes, URLs with a password, passwords; some consist of words in the
 * log.
 */
const values = [
  ...Array.from({ length: 20 }, () => base64(30)),
  ...Array.from({ length: 14 }, () => hex(40)),
  ...Array.from(
    { length: 6 },
    () => `postgres://${pick(words)}:${base64(12)}@db.internal:5432/${pick(words)}`,
  ),
  ...Array.from({ length: 6 }, () => base64(6)),
  ...Array.from({ length: 4 }, () => sentence(4).replaceAll(" ", "-")),
];
const contestants: Readonly<Record<string, () => Redactor>> = {
  nothing: () => createRedactor(),
  shapes: () => createRedactor([], { shapes: true }),
  "50 values": () => createRedactor(values),
  "50 values, shapes": () => createRedactor(values, { shapes: true }),
};

try {
  console.log(
    `medians of ${rounds} rounds, ${megabytes} MB in chunks of up to 96 KiB; ratios are within a round`,
  );
  for (const [name, sample] of Object.entries(samples)) await compare(name, sample);
} finally {
  rmSync(directory, { recursive: true });
}

async function compare(name: string, sample: Buffer): Promise<void> {
  const alone: Record<string, number[]> = {};
  const all: Record<string, number[]> = {};
  const ratios: Record<string, number[]> = {};
  for (let round = 0; round < rounds + 1; round += 1) {
    let baseline = 0;
    for (const [label, make] of Object.entries(contestants)) {
      const redactor = make();
      const speed = await measure(sample, (path) => openPipeline(path, make()));
      if (label === "nothing") baseline = speed;
      // The first round warms up.
      if (round === 0) continue;
      (alone[label] ??= []).push(
        await measure(sample, () => ({ take: (chunk) => redactor.push(chunk), end: () => redactor.flush() })),
      );
      (all[label] ??= []).push(speed);
      (ratios[label] ??= []).push(speed / baseline);
    }
  }
  for (const label of Object.keys(contestants)) {
    const columns = [
      name.padEnd(9),
      label.padEnd(18),
      `redactor ${median(alone[label]!).toFixed(0).padStart(6)} MB/s`,
      `all ${median(all[label]!).toFixed(0).padStart(5)} MB/s`,
      `ratio ${median(ratios[label]!).toFixed(3)}`,
    ];
    console.log(columns.join("  "));
  }
}

interface Sink {
  take(chunk: Uint8Array): unknown;
  end(): unknown;
}

function openPipeline(path: string, redactor: Redactor): Sink {
  const spool = createSpool(path, { diskLimitBytes: Infinity, fsyncIntervalMs: 0 });
  const log = openJobLog(spool, redactor);
  const finish = Promise.withResolvers<number>();
  let write: Output | undefined;
  void log.command("flood", (output) => {
    write = output;
    return finish.promise;
  });
  return {
    take: (chunk) => write?.(chunk),
    end: () => {
      finish.resolve(0);
      setImmediate(() => spool.close());
    },
  };
}

/**
 * Returns megabytes per second of processor time, which depends less on other processes than elapsed time.
 */
async function measure(sample: Buffer, open: (path: string) => Sink): Promise<number> {
  const path = join(directory, "events.ndjson");
  const sink = open(path);
  const bytes = megabytes * mebibyte;
  const start = process.cpuUsage();
  let size = 0;
  for (let done = 0; done < bytes; done += size) {
    size = 1 + ((done * 7919 + 12_289) % mostBytes);
    const at = done % (sample.length - size);
    sink.take(sample.subarray(at, at + size));
  }
  const { user, system } = process.cpuUsage(start);
  const speed = bytes / (user + system);
  sink.end();
  await new Promise((resolve) => setTimeout(resolve, 20));
  rmSync(path, { force: true });
  return speed;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}
