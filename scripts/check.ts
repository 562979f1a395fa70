// Runs lint, format, type, dead-code and documentation checks: `bun scripts/check.ts`. `--fix` repairs faults where
// possible.

import path from "node:path";

/** The number of passed checks, and the names of the failed ones. */
export interface CheckResults {
  readonly passed: number;
  readonly failures: readonly string[];
}

interface Check {
  readonly name: string;
  /** Arguments for bun, which runs the tools: Node may not be installed. */
  readonly command: readonly string[];
  /** Arguments for bun that repair faults. */
  readonly fix?: readonly string[];
}

const root = path.dirname(import.meta.dir);

const checks: readonly Check[] = [
  {
    name: "lint",
    command: [tool("oxlint"), "--type-aware", "--deny-warnings"],
    fix: [tool("oxlint"), "--fix"],
  },
  { name: "format", command: [tool("oxfmt"), "--check"], fix: [tool("oxfmt")] },
  { name: "types", command: [tool("tsc"), "-p", "."] },
  { name: "types of the page", command: [tool("tsc"), "-p", "plugins/page/browser"] },
  { name: "unused code and dependencies", command: [tool("knip"), "--no-progress", "--no-config-hints"] },
  { name: "generated docs", command: ["scripts/docs.ts", "--check"], fix: ["scripts/docs.ts"] },
];

/** Runs every check, also after a failed one, and prints the output of failed checks. */
export async function runChecks(): Promise<CheckResults> {
  const failures: string[] = [];
  for (const { name, command } of checks) if (!(await runCheck(name, command))) failures.push(name);
  return { passed: checks.length - failures.length, failures };
}

/** Runs a program with bun and prints its result. */
export async function runCheck(name: string, command: readonly string[]): Promise<boolean> {
  const started = performance.now();
  const child = Bun.spawn([process.execPath, ...command], {
    cwd: root,
    env: { ...process.env, OXLINT_TSGOLINT_PATH: typeLinter() },
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await Promise.all([child.stdout.text(), child.stderr.text()]);
  const isPassed = (await child.exited) === 0;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${isPassed ? "passed" : "FAILED"}: ${name} (${seconds} s)`);
  if (!isPassed) console.log(output.join("").trimEnd());
  return isPassed;
}

async function fix(): Promise<void> {
  // Formatting comes last, since the other fixes write code and pages.
  const fixes = checks.flatMap(({ name, fix }) => (fix === undefined ? [] : [{ name, fix }]));
  for (const { name, fix } of fixes.toSorted(
    (a, b) => Number(a.name === "format") - Number(b.name === "format"),
  )) {
    if (!(await runCheck(name, fix))) process.exitCode = 1;
  }
}

/** The program behind `tsgolint`, whose launcher needs Node. */
function typeLinter(): string {
  return path.join(root, "node_modules/@oxlint-tsgolint", `${process.platform}-${process.arch}`, "tsgolint");
}

function tool(name: string): string {
  return path.join("node_modules", ".bin", name);
}

if (import.meta.main) {
  if (process.argv.includes("--fix")) await fix();
  else if ((await runChecks()).failures.length > 0) process.exitCode = 1;
}
