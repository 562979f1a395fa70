// Runs a test suite and counts its tests: `bun scripts/test.ts <suite> [--repeat-failed] [--durations]
// [<options of bun test>]`. `unit` runs the checks and all tests that need no service. `e2e` builds the
// binary and tests it, except for files named *.long.test.ts; `e2e-all` includes these. `--repeat-failed`
// runs each failed file a second time and counts that run only; `--durations` prints the running time of each
// file. The counts are written to dist/reports/<suite>.counts for .ci/run.

import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { type Counts, runCheck, runChecks } from "./check.ts";
import type { FileReport } from "./test-run/junit-report.ts";
import { runFiles } from "./test-run/run-files.ts";

interface Suite {
  /** Runs before the tests; its results are counted with them. */
  readonly prepare: () => Promise<Counts>;
  readonly findPaths: () => string[];
  /** Whether its tests share a Docker engine, which runs for as long as they do. */
  readonly usesEngine?: boolean;
  /** Time limit of one test. It is generous, since tests start real processes on a busy machine. */
  readonly timeoutMs: number;
}

const root = path.dirname(import.meta.dir);
const reports = path.join(root, "dist", "reports");
const suites: Readonly<Record<string, Suite>> = {
  unit: {
    prepare: runChecks,
    findPaths: () => ["./src", "./test", "./plugins", "./docs", "./scripts"],
    timeoutMs: 30_000,
  },
  e2e: {
    prepare: build,
    findPaths: () => findEndToEndTests().filter((file) => !file.endsWith(".long.test.ts")),
    usesEngine: true,
    timeoutMs: 120_000,
  },
  "e2e-all": { prepare: build, findPaths: findEndToEndTests, usesEngine: true, timeoutMs: 120_000 },
};

if (import.meta.main) {
  const [name = "unit", ...args] = process.argv.slice(2);
  const suite = suites[name];
  if (suite === undefined) {
    console.error(`test suite "${name}" not found (known suites: ${Object.keys(suites).join(", ")})`);
    process.exit(2);
  }
  process.exitCode = (await runSuite(name, suite, args)) ? 0 : 1;
}

/** Returns whether everything has passed. */
async function runSuite(name: string, suite: Suite, args: readonly string[]): Promise<boolean> {
  const own = new Set(["--repeat-failed", "--durations"]);
  const options = args.filter((arg) => !own.has(arg));
  await mkdir(reports, { recursive: true });
  await rm(path.join(reports, `${name}.counts`), { force: true });
  const prepared = await suite.prepare();
  await using engine = suite.usesEngine ? await startEngine() : undefined;
  const files = await runFiles({
    directory: root,
    paths: suite.findPaths(),
    options: [`--timeout=${suite.timeoutMs}`, ...options],
    report: path.join(reports, `${name}.xml`),
    isRepeating: args.includes("--repeat-failed"),
    output: "inherit",
    log: console.log,
  });
  if (args.includes("--durations")) printDurations(files);
  const skipped = files.flatMap((file) => file.skipped.map((test) => `${file.file}: ${test}`));
  // Options may select tests by name, and then nearly all tests are skipped.
  if (options.length === 0) for (const test of skipped) console.log(`skipped: ${test}`);
  const passed = files.reduce((sum, file) => sum + file.passed, prepared.passed);
  const failed = files.reduce((sum, file) => sum + file.failed, prepared.failed) + (engine?.failed ?? 0);
  await Bun.write(path.join(reports, `${name}.counts`), `${passed} ${failed} ${skipped.length}\n`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0;
}

/** Every test file finds the engine by a variable. Without an engine the run fails, and says why once. */
async function startEngine(): Promise<AsyncDisposable & { readonly failed: number }> {
  const { engineVariable, openEngine } = await import("../e2e/engine/engine.ts");
  try {
    const engine = await openEngine();
    process.env[engineVariable] = engine.socket;
    return { failed: 0, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
  } catch (error) {
    console.log(`FAILED: no Docker engine for the tests of jobs in containers: ${String(error)}`);
    return { failed: 1, async [Symbol.asyncDispose]() {} };
  }
}

async function build(): Promise<Counts> {
  const isPassed = await runCheck("build", ["scripts/build.ts"]);
  return { passed: Number(isPassed), failed: Number(!isPassed) };
}

function findEndToEndTests(): string[] {
  return [...new Bun.Glob("e2e/**/*.test.ts").scanSync(root)].sort().map((file) => `./${file}`);
}

/** Prints the running time of each file, the longest first. */
function printDurations(files: readonly FileReport[]): void {
  for (const { file, seconds } of files.toSorted((a, b) => b.seconds - a.seconds)) {
    console.log(`${seconds.toFixed(1).padStart(8)} s  ${file}`);
  }
}
