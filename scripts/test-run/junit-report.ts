/** The results of one test file. */
export interface FileReport {
  /** Path relative to the directory of the run. */
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  /** Names of the failed tests. */
  readonly failures: readonly string[];
  /** Names of the skipped tests. */
  readonly skipped: readonly string[];
  /** Running time of its tests. */
  readonly seconds: number;
}

/** Reads Bun's JUnit report. A file that could not be loaded is missing from it. */
export function parseReport(xml: string): FileReport[] {
  // Suites of describe() are nested and have the attribute "line"; the outer suites are files.
  const suites = [...xml.matchAll(/<testsuite ([^>]*)>/g)].filter(([, text]) => !text!.includes(' line="'));
  const skips = findTests(xml, "skipped");
  const failures = findTests(xml, "failure");
  return suites.map(([, text = ""]) => {
    const [tests, failed, skipped] = ["tests", "failures", "skipped"].map((name) =>
      Number(readAttribute(text, name)),
    );
    const file = readAttribute(text, "file");
    return {
      file,
      passed: tests! - failed! - skipped!,
      failed: failed!,
      failures: Array.from({ length: failed! }, (_, index) => failures.get(file)?.[index] ?? "(unnamed)"),
      skipped: skips.get(file) ?? [],
      seconds: Number(readAttribute(text, "time")),
    };
  });
}

/** Returns the names of the tests with this result, for each file. */
function findTests(xml: string, result: "skipped" | "failure"): Map<string, string[]> {
  const tests = new Map<string, string[]>();
  for (const [, text = ""] of xml.matchAll(new RegExp(`<testcase ([^>]*)>\\s*<${result}`, "g"))) {
    const file = readAttribute(text, "file");
    tests.set(file, [...(tests.get(file) ?? []), readAttribute(text, "name")]);
  }
  return tests;
}

function readAttribute(text: string, name: string): string {
  const [, value = ""] = new RegExp(`\\b${name}="([^"]*)"`).exec(text) ?? [];
  return value
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}
