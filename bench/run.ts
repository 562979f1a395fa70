// What `signalman run` costs, compiled: `bun run build && bun bench/run.ts`. Pairs are measured in turns, in one run.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const binary = process.env["SIGNALMAN_BINARY"] ?? join(import.meta.dir, "../dist/signalman");
const home = mkdtempSync(join(tmpdir(), "signalman-bench-"));
const env = { PATH: process.env["PATH"] ?? "", HOME: home, TMPDIR: home };

const empty = join(home, "empty");
await Bun.write(`${empty}.ts`, "console.log(0);\n");
await Bun.build({
  entrypoints: [`${empty}.ts`],
  compile: { outfile: empty },
  bytecode: true,
  minify: true,
  format: "esm",
});

const hello = job("hello", ["echo hello"]);
const trues = job("trues", Array<string>(300).fill("true"));
const start = measure(21, {
  "empty compiled program": [empty],
  "signalman version": [binary, "version"],
  "hello-world job": [binary, "run", hello],
  "300 × true in one job": [binary, "run", trues],
});
const perCommand = (start["300 × true in one job"]! - start["hello-world job"]!) / 299;
row(
  "version, over an empty compiled program",
  `${ms(start["signalman version"]! - start["empty compiled program"]!)} (to reach: < 10 ms)`,
);
row("hello-world job, empty home", `${ms(start["hello-world job"]!)} (< 120 ms)`);
row("300 × true in one job", `${ms(start["300 × true in one job"]!)} (< 300 ms)`);
row("one command to the next", `${ms(perCommand)} (< 2 ms)`);

const flood = join(home, "flood.txt");
const line = "x".repeat(79);
writeFileSync(flood, `${line}\n`.repeat(1_310_720));
const bytes = statSync(flood).size;
const kept = join(home, "events.ndjson");
const floodJob = job("flood", [`cat ${flood}`]);
const bareScript = join(home, "bare.ts");
writeFileSync(
  bareScript,
  `const p = Bun.spawn(["cat", ${JSON.stringify(flood)}], { terminal: { data() {} } }); await p.exited;`,
);
const rates = { bare: [] as number[], run: [] as number[] };
let peak = 0;
for (let round = 0; round < 5; round++) {
  rates.bare.push((await rate([process.execPath, bareScript])).rate);
  rmSync(kept, { force: true });
  const run = await rate([binary, "run", floodJob, "--keep", kept]);
  rates.run.push(run.rate);
  peak = Math.max(peak, run.peak);
}
const output = await outputBytes(kept);
row("100 MB of output, bare Bun terminal", `${median(rates.bare).toFixed(0)} MB/s`);
row(
  "100 MB of output, run with its log shown and kept",
  `${median(rates.run).toFixed(0)} MB/s = ${((100 * median(rates.run)) / median(rates.bare)).toFixed(0)} % (≥ 60 %)`,
);
row("… peak memory of the process", `${(peak / 1e6).toFixed(0)} MB RSS (< 120 MB)`);
row("… the log is whole", output === bytes ? "yes" : `NO: ${output} of ${bytes} bytes`);
rmSync(home, { recursive: true });
if (output !== bytes) process.exit(1);

function job(name: string, commands: string[]): string {
  const path = join(home, `${name}.json`);
  writeFileSync(path, JSON.stringify({ commands }));
  return path;
}

/** Median milliseconds of each, run in turns. */
function measure(rounds: number, programs: Record<string, string[]>): Record<string, number> {
  const times: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, command] of Object.entries(programs)) {
      const from = performance.now();
      const { success, stderr } = Bun.spawnSync(command, { env, stdout: "ignore", stderr: "pipe" });
      if (!success) throw new Error(`${name} failed: ${stderr.toString()}`);
      (times[name] ??= []).push(performance.now() - from);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
}

/** MB/s of a program that brings the flood somewhere, and the most memory it had: `maxRSS` would count ours from before the exec. */
async function rate(command: string[]): Promise<{ rate: number; peak: number }> {
  const from = performance.now();
  const program = Bun.spawn(command, { env, stdin: "ignore", stdout: "ignore", stderr: "inherit" });
  let peak = 0;
  const watch = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${program.pid}/status`, "utf8");
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024);
    } catch {
      // It is gone.
    }
  }, 25);
  const code = await program.exited;
  clearInterval(watch);
  if (code !== 0) throw new Error(`${command.join(" ")} failed`);
  return { rate: bytes / 1e3 / (performance.now() - from), peak };
}

/** Bytes of output in a kept log. */
async function outputBytes(path: string): Promise<number> {
  let sum = 0;
  for (const text of (await Bun.file(path).text()).split("\n")) {
    if (!text.startsWith('{"event":"cmd_output"')) continue;
    const { output } = JSON.parse(text) as { output: string };
    if (output.startsWith("x") || sum > 0) sum += Buffer.byteLength(output);
    if (sum >= bytes) break;
  }
  return sum;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function row(what: string, figure: string): void {
  console.log(`${what.padEnd(52)} ${figure}`);
}
