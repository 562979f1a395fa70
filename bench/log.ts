// Measures how fast a job's output is written to disk, by each stage alone and by all stages, compared with
// plain synchronous writes: `bun bench/log.ts [megabytes]`.
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJobLog } from "./job-log.ts";
import type { Output } from "../src/core/contracts/job-log.ts";
import { createRedactor } from "../plugins/redact/redactor.ts";
import { createSpool } from "../src/job/log/spool.ts";

const megabytes = Number(process.argv[2] ?? 256);
const mebibyte = 1024 * 1024;
/** Maximum size of a read from a terminal. */
const chunkBytes = 64 * 1024;
const directory = mkdtempSync(join(tmpdir(), "signalman-bench-"));

const samples = {
  ascii: "The quick brown fox jumps over the lazy dog 0123456789, and so on and so on\r\n",
  colours: '\x1b[32m✓\x1b[0m src/log/spool.test.ts > "keeps" each event (1.25 ms)\r\n',
  unicode: "żółw ✓ przeszedł — 日本語のテキスト\r\n",
};

try {
  for (const [name, line] of Object.entries(samples)) await measureAll(name, line);
} finally {
  rmSync(directory, { recursive: true });
}

async function measureAll(sample: string, line: string): Promise<void> {
  const lines = Math.floor(chunkBytes / 2 / Buffer.byteLength(line));
  const text = Buffer.from(line.repeat(lines));
  const chunk = Buffer.concat([text, text]);
  const secrets = Array.from(
    { length: 50 },
    (_, index) => `s3cr3t-${index}-${Bun.hash(String(index)).toString(36)}`,
  );
  const short = secrets.map((secret) => secret.slice(-6));

  const plain = await measure(sample, "plain write", (path) => {
    const fd = openSync(path, "wx");
    return { take: () => writeSync(fd, chunk), end: () => closeSync(fd) };
  });
  for (const [label, values] of [
    ["redactor, 50 values", secrets],
    ["redactor, 50 values of 6 bytes", short],
  ] as const) {
    await measure(sample, label, () => {
      const redactor = createRedactor(values);
      return { take: () => redactor.push(chunk), end: () => redactor.flush() };
    });
  }
  await measure(sample, "spool", (path) => {
    const spool = createSpool(path, { diskLimitBytes: Infinity });
    const take = () => {
      for (const output of [text, text]) spool.appendOutput(1_700_000_000, output);
    };
    return { take, end: () => spool.close() };
  });
  for (const [label, values] of [
    ["pipeline", []],
    ["pipeline, 50 values", secrets],
  ] as const) {
    await measure(sample, label, (path) => openPipeline(path, values, chunk), plain);
  }
}

function openPipeline(path: string, values: readonly string[], chunk: Uint8Array): Sink {
  const spool = createSpool(path, { diskLimitBytes: Infinity });
  const log = openJobLog(spool, createRedactor(values));
  const finish = Promise.withResolvers<number>();
  let write: Output | undefined;
  void log.command("flood", (output) => {
    write = output;
    return finish.promise;
  });
  return {
    take: () => write?.(chunk),
    end: () => {
      finish.resolve(0);
      setImmediate(() => spool.close());
    },
  };
}

interface Sink {
  take(): unknown;
  end(): unknown;
}

/** Prints megabytes of terminal output per second, and the ratio to `baseline`. */
async function measure(
  sample: string,
  name: string,
  open: (path: string) => Sink,
  baseline?: number,
): Promise<number> {
  const path = join(directory, "events.ndjson");
  const rounds = (megabytes * mebibyte) / chunkBytes;
  let best = 0;
  for (let run = 0; run < 3; run += 1) {
    const sink = open(path);
    const start = performance.now();
    for (let round = 0; round < rounds; round += 1) sink.take();
    best = Math.max(best, (megabytes * mebibyte) / 1e3 / (performance.now() - start));
    sink.end();
    await new Promise((resolve) => setTimeout(resolve, 100));
    rmSync(path, { force: true });
  }
  const ratio = baseline ? `  ${(best / baseline).toFixed(2)} of a plain write` : "";
  console.log(`${sample.padEnd(8)} ${name.padEnd(32)} ${best.toFixed(0).padStart(6)} MB/s${ratio}`);
  return best;
}
