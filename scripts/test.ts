// Runs a test suite and counts its tests: `bun scripts/test.ts <suite> [--repeat-failed] [--durations]
// [<options of bun test>]`. `unit` runs the checks and all tests that need no service. `e2e` builds the
// binary and tests it, except for files named *.long.test.ts; `e2e-all` includes these. `--repeat-failed`
// runs each failed file a second time and counts that run only; `--durations` prints the running time of each
// file. The counts are written to dist/reports/<suite>.counts for .ci/run.

import { mkdir, open, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { type CheckResults, runCheck, runChecks } from "./check.ts";
import type { FileReport } from "./test-run/junit-report.ts";
import { runFiles } from "./test-run/run-files.ts";

interface Suite {
  /** Runs before the tests; its results are counted with them. */
  readonly prepare: () => Promise<CheckResults>;
  /** Paths of the tests. Lanes run at the same time, the files of a lane one after another. */
  readonly findLanes: () => readonly string[][];
  /** Whether its tests share a Docker engine, which runs for as long as they do. */
  readonly usesEngine?: boolean;
}

/** Time limit of one test. It is generous, since tests start real processes on a busy machine. */
const timeoutMs = 120_000;
const root = path.dirname(import.meta.dir);
const reports = path.join(root, "dist", "reports");
const suites: Readonly<Record<string, Suite>> = {
  unit: {
    prepare: runChecks,
    findLanes: () => [["./src", "./test", "./plugins", "./docs", "./scripts"]],
  },
  e2e: {
    prepare: build,
    findLanes: () => toLanes(findEndToEndTests().filter((file) => !file.endsWith(".long.test.ts"))),
    usesEngine: true,
  },
  "e2e-all": { prepare: build, findLanes: () => toLanes(findEndToEndTests()), usesEngine: true },
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
  const reportOf = (kind: string) => path.join(reports, `${name}.${kind}`);
  await mkdir(reports, { recursive: true });
  for (const kind of ["counts", "failures"]) await rm(reportOf(kind), { force: true });
  const prepared = await suite.prepare();
  await using engine = suite.usesEngine ? await startEngine() : undefined;
  const files = await runLanes(name, suite.findLanes(), options, args.includes("--repeat-failed"));
  if (args.includes("--durations")) printDurations(files);
  const skipped = files.flatMap((file) => file.skipped.map((test) => `${file.file}: ${test}`));
  // Options may select tests by name, and then nearly all tests are skipped.
  if (options.length === 0) for (const test of skipped) console.log(`skipped: ${test}`);
  const failures = [
    ...prepared.failures,
    ...(engine?.failures ?? []),
    ...files.flatMap((file) => file.failures.map((test) => `${file.file}: ${test}`)),
  ];
  for (const failure of failures) console.log(`failed: ${failure}`);
  await Bun.write(reportOf("failures"), failures.map((failure) => `failed: ${failure}\n`).join(""));
  const passed = files.reduce((sum, file) => sum + file.passed, prepared.passed);
  await Bun.write(reportOf("counts"), `${passed} ${failures.length} ${skipped.length}\n`);
  console.log(`${passed} passed, ${failures.length} failed`);
  return failures.length === 0;
}

/** The output of the first lane appears while it runs, that of the others after it. */
async function runLanes(
  name: string,
  lanes: readonly string[][],
  options: readonly string[],
  isRepeating: boolean,
): Promise<FileReport[]> {
  const results = await Promise.all(
    lanes.map(async (paths, lane) => {
      const output = path.join(reports, `${name}.${lane}.log`);
      await using file = await open(output, "w");
      const files = await runFiles({
        directory: root,
        paths,
        // Each test that runs beside others has an agent and a hub.
        options: [`--timeout=${timeoutMs}`, "--max-concurrency=6", ...options],
        report: path.join(reports, `${name}.${lane}.xml`),
        isRepeating,
        output: lane === 0 ? "inherit" : file.fd,
        env: { E2E_LANE: String(lane) },
        log: lane === 0 ? console.log : (line) => void file.write(`${line}\n`),
      });
      return { files, output };
    }),
  );
  for (const { output } of results.slice(1)) process.stdout.write(await readFile(output));
  return results.flatMap(({ files }) => files);
}

/** Divides the files so that those of containers and pods, which share an engine, run one after another. */
function toLanes(files: readonly string[]): string[][] {
  const isShared = (file: string) => /kubernetes\/|docker|images|package/.test(file);
  const lanes = [files.filter(isShared), files.filter((file) => !isShared(file))];
  return lanes.filter((lane) => lane.length > 0);
}

/** Every test file finds the engine by a variable. Without an engine the run fails, and says why once. */
async function startEngine(): Promise<AsyncDisposable & { readonly failures: readonly string[] }> {
  const { engineVariable, openEngine } = await import("../e2e/support/engine/engine.ts");
  try {
    const engine = await openEngine();
    process.env[engineVariable] = engine.socket;
    return { failures: [], [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
  } catch (error) {
    return {
      failures: [`no Docker engine for the tests of jobs in containers: ${String(error)}`],
      async [Symbol.asyncDispose]() {},
    };
  }
}

async function build(): Promise<CheckResults> {
  const isPassed = await runCheck("build", ["scripts/build.ts"]);
  return isPassed ? { passed: 1, failures: [] } : { passed: 0, failures: ["build"] };
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
