import { rm } from "node:fs/promises";
import path from "node:path";
import { type FileReport, parseReport } from "./junit-report.ts";

export interface RunOptions {
  /** Working directory of the run. */
  readonly directory: string;
  /** Test files or directories, relative to `directory`. */
  readonly paths: readonly string[];
  /** Options for `bun test`. */
  readonly options: readonly string[];
  /** Path of the JUnit report. */
  readonly report: string;
  /** Whether to run each failed file a second time and to count the second run only. */
  readonly isRepeating: boolean;
  /** Output of the tests, or the descriptor of the file that receives it. */
  readonly output: "inherit" | "ignore" | number;
  /** Variables of the tests beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Prints a line. */
  readonly log: (line: string) => void;
}

/** When more files fail, the cause is not an unstable test, and a second run would only take time. */
const mostRepeatedFiles = 10;

/** Runs tests with `bun test`. A file that fails once and then passes is reported as `flaky: <file>`. */
export async function runFiles(run: RunOptions): Promise<FileReport[]> {
  const reports = await runOnce(run);
  const failed = reports.filter((report) => report.failed > 0 && isTestFile(report.file));
  if (!run.isRepeating || failed.length > mostRepeatedFiles) return reports;
  const repeated = new Map<FileReport, readonly FileReport[]>();
  for (const report of failed) {
    run.log(`repeating: ${report.file}`);
    const { dir, name, ext } = path.parse(run.report);
    const second = await runOnce({
      ...run,
      paths: [`./${report.file}`],
      report: path.join(dir, `${name}.repeat${ext}`),
    });
    if (second.every((again) => again.failed === 0)) run.log(`flaky: ${report.file}`);
    repeated.set(report, second);
  }
  return reports.flatMap((report) => repeated.get(report) ?? [report]);
}

async function runOnce({
  directory,
  paths,
  options,
  report,
  output,
  env,
}: RunOptions): Promise<FileReport[]> {
  await rm(report, { force: true });
  const child = Bun.spawn(
    [process.execPath, "test", "--reporter=junit", `--reporter-outfile=${report}`, ...options, ...paths],
    { cwd: directory, stdio: ["ignore", output, output], env: { ...process.env, ...env } },
  );
  const forward = (signal: NodeJS.Signals): void => child.kill(signal);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, forward);
  const exitCode = await child.exited;
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.off(signal, forward);
  const file = Bun.file(report);
  const reports = (await file.exists()) ? parseReport(await file.text()) : undefined;
  if (exitCode === 0) return reports ?? [];
  return [...(reports ?? []), ...findUnreported(paths, reports)];
}

/** Lists files that failed without a failed test: they could not be loaded, or the test process died. */
function findUnreported(paths: readonly string[], reports: readonly FileReport[] | undefined): FileReport[] {
  const toFailure = (file: string): FileReport => ({
    file,
    passed: 0,
    failed: 1,
    failures: ["(the file could not be loaded, or its process died)"],
    skipped: [],
    seconds: 0,
  });
  const files = paths.map((file) => path.normalize(file)).filter(isTestFile);
  const missing = files.filter((file) => reports?.some((report) => report.file === file) !== true);
  if (reports !== undefined && missing.length > 0) return missing.map(toFailure);
  if (reports?.some(({ failed }) => failed > 0) === true) return [];
  return [toFailure(paths.length === 1 ? path.normalize(paths[0]!) : "the test process")];
}

function isTestFile(file: string): boolean {
  return file.endsWith(".test.ts");
}
