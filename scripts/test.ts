// Everything that must pass, counted: `bun scripts/test.ts unit|e2e [<options of bun test>]`. `unit` is the checks and the
// tests that need no service; `e2e` builds the binary and tests it. dist/reports/<suite>.counts holds the numbers for .ci/run.

import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { type Counts, runCheck, runChecks } from "./check.ts";

interface Suite {
  /** What goes before the tests, and counts like them. */
  readonly before: () => Promise<Counts>;
  readonly paths: readonly string[];
  /** Of one test. Real processes on a busy machine: what hangs must fail, what is slow must not. */
  readonly timeoutMs: number;
}

const root = path.dirname(import.meta.dir);
const reports = path.join(root, "dist", "reports");
const suites: Readonly<Record<string, Suite>> = {
  unit: {
    before: runChecks,
    paths: ["./src", "./test", "./plugins", "./docs", "./scripts"],
    timeoutMs: 30_000,
  },
  e2e: { before: build, paths: ["./e2e"], timeoutMs: 120_000 },
};

if (import.meta.main) {
  const [name = "unit", ...options] = process.argv.slice(2);
  const suite = suites[name];
  if (suite === undefined) {
    console.error(`no suite named "${name}" (known: ${Object.keys(suites).join(", ")})`);
    process.exit(2);
  }
  await mkdir(reports, { recursive: true });
  await rm(path.join(reports, `${name}.counts`), { force: true });
  const counts = add(await suite.before(), await runTests(name, suite, options));
  await Bun.write(
    path.join(reports, `${name}.counts`),
    `${counts.passed} ${counts.failed} ${counts.skipped.length}\n`,
  );
  // With options it may be a choice by name, and then nearly everything is skipped.
  if (options.length === 0) for (const test of counts.skipped) console.log(`skipped: ${test}`);
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  if (counts.failed > 0) process.exitCode = 1;
}

async function build(): Promise<Counts> {
  const isPassed = await runCheck("build", ["scripts/build.ts"]);
  return { passed: Number(isPassed), failed: Number(!isPassed), skipped: [] };
}

async function runTests(name: string, suite: Suite, options: readonly string[]): Promise<Counts> {
  const report = path.join(reports, `${name}.xml`);
  await rm(report, { force: true });
  const junit = ["--reporter=junit", `--reporter-outfile=${report}`];
  const child = Bun.spawn(
    [process.execPath, "test", `--timeout=${suite.timeoutMs}`, ...junit, ...options, ...suite.paths],
    {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  const code = await child.exited;
  const file = Bun.file(report);
  const counts = (await file.exists()) ? toCounts(await file.text()) : { passed: 0, failed: 0, skipped: [] };
  // A run that fails without a failed test is one that could not load a file, or that died.
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

/** Reads bun's JUnit report. */
function toCounts(xml: string): Counts {
  const number = (attribute: string) =>
    Number(new RegExp(`<testsuites [^>]*\\b${attribute}="(\\d+)"`).exec(xml)?.[1] ?? 0);
  const skipped = Array.from(
    xml.matchAll(/<testcase name="([^"]*)"[^>]*file="([^"]*)"[^>]*>\s*<skipped/g),
    ([, name, file]) => `${file}: ${name}`,
  );
  const failed = number("failures");
  return { passed: number("tests") - failed - number("skipped"), failed, skipped };
}

function add(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: [...a.skipped, ...b.skipped] };
}
