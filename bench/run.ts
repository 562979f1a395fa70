// Measures the compiled `signalman run`: `npm run build && bun bench/run.ts`. Compared programs run
// alternately.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, ms, row } from "./figures.ts";

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
  "version, compared with an empty compiled program",
  `+${ms(start["signalman version"]! - start["empty compiled program"]!)} (target: < 10 ms)`,
);
row("hello-world job, empty home", `${ms(start["hello-world job"]!)} (< 120 ms)`);
row("300 × true in one job", `${ms(start["300 × true in one job"]!)} (< 300 ms)`);
row("time per command", `${ms(perCommand)} (< 2 ms)`);

const flood = join(home, "flood.txt");
const line = "x".repeat(79);
writeFileSync(flood, `${line}\n`.repeat(1_310_720));
const bytes = statSync(flood).size;
const kept = join(home, "events.ndjson");
const floodJob = job("flood", [`cat ${flood}`]);
const plainScript = join(home, "plain.ts");
writeFileSync(
  plainScript,
  `const p = Bun.spawn(["cat", ${JSON.stringify(flood)}], { terminal: { data() {} } }); await p.exited;`,
);
const rates = { plain: [] as number[], run: [] as number[] };
let peak = 0;
for (let round = 0; round < 5; round++) {
  rates.plain.push((await rate([process.execPath, plainScript])).rate);
  rmSync(kept, { force: true });
  const run = await rate([binary, "run", floodJob, "--keep", kept]);
  rates.run.push(run.rate);
  peak = Math.max(peak, run.peak);
}
const output = await outputBytes(kept);
row("100 MB of output, plain Bun terminal", `${median(rates.plain).toFixed(0)} MB/s`);
row(
  "100 MB of output, run with its log shown and kept",
  `${median(rates.run).toFixed(0)} MB/s = ${((100 * median(rates.run)) / median(rates.plain)).toFixed(0)} % (≥ 60 %)`,
);
row("… maximum memory of the process", `${(peak / 1e6).toFixed(0)} MB RSS (< 120 MB)`);
row("… log is complete", output === bytes ? "yes" : `NO: ${output} of ${bytes} bytes`);
rmSync(home, { recursive: true });
if (output !== bytes) process.exit(1);

function job(name: string, commands: string[]): string {
  const path = join(home, `${name}.json`);
  writeFileSync(path, JSON.stringify({ commands }));
  return path;
}

/** Returns the median running time of each program in milliseconds. The programs run alternately. */
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

/**
 * Returns the MB/s and the maximum memory of a program. `maxRSS` is not used: it includes this process before
 * the exec.
 */
async function rate(command: string[]): Promise<{ rate: number; peak: number }> {
  const from = performance.now();
  const program = Bun.spawn(command, { env, stdin: "ignore", stdout: "ignore", stderr: "inherit" });
  let peak = 0;
  const watch = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${program.pid}/status`, "utf8");
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024);
    } catch {
      // The process has exited.
    }
  }, 25);
  const code = await program.exited;
  clearInterval(watch);
  if (code !== 0) throw new Error(`${command.join(" ")} failed`);
  return { rate: bytes / 1e3 / (performance.now() - from), peak };
}

/** Counts the bytes of output in a kept log. */
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
