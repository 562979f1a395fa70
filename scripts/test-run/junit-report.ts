/** The results of one test file. */
export interface FileReport {
  /** Path relative to the directory of the run. */
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  /** Names of the skipped tests. */
  readonly skipped: readonly string[];
  /** Running time of its tests. */
  readonly seconds: number;
}

/** Reads Bun's JUnit report. A file that could not be loaded is missing from it. */
export function parseReport(xml: string): FileReport[] {
  // Suites of describe() are nested and have the attribute "line"; the outer suites are files.
  const suites = [...xml.matchAll(/<testsuite ([^>]*)>/g)].filter(([, text]) => !text!.includes(' line="'));
  const skipped = Array.from(
    xml.matchAll(/<testcase ([^>]*)>\s*<skipped/g),
    ([, text]) => [readAttribute(text!, "file"), readAttribute(text!, "name")] as const,
  );
  return suites.map(([, text = ""]) => {
    const [tests, failed, skips] = ["tests", "failures", "skipped"].map((name) =>
      Number(readAttribute(text, name)),
    );
    const file = readAttribute(text, "file");
    return {
      file,
      passed: tests! - failed! - skips!,
      failed: failed!,
      skipped: skipped.filter(([skippedIn]) => skippedIn === file).map(([, name]) => name),
      seconds: Number(readAttribute(text, "time")),
    };
  });
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
