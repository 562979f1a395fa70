import { describe, expect, test } from "bun:test";
import path from "node:path";
import { tmpdir } from "signalman/testing";
import { parseReport } from "./junit-report.ts";
import { runFiles } from "./run-files.ts";

const passing = 'test("passes", () => {});';
const failing = 'test("fails", () => { throw new Error("always"); });';
/** Fails once: the first run leaves a file behind that the second one finds. */
const flaky = `test("is flaky", async () => {
  const file = Bun.file(import.meta.path + ".ran");
  const hasRun = await file.exists();
  await file.write("");
  if (!hasRun) throw new Error("once");
});`;

async function run(
  files: Readonly<Record<string, string>>,
  options: { readonly isRepeating: boolean; readonly bunOptions?: readonly string[] },
) {
  await using directory = await tmpdir();
  for (const [name, text] of Object.entries(files)) {
    await Bun.write(path.join(directory.path, name), `import { test, describe } from "bun:test";\n${text}\n`);
  }
  const lines: string[] = [];
  const reports = await runFiles({
    directory: directory.path,
    paths: Object.keys(files).map((name) => `./${name}`),
    options: options.bunOptions ?? [],
    report: path.join(directory.path, "report.xml"),
    isRepeating: options.isRepeating,
    output: "ignore",
    log: (line) => void lines.push(line),
  });
  const results = reports.map(({ file, passed, failed }) => [file, passed, failed]);
  return { lines, reports, results: results.sort() };
}

describe("a run that repeats failed files", () => {
  test("reports a file that passes the second time as flaky and counts the second run", async () => {
    const { lines, results } = await run(
      { "flaky.test.ts": `${flaky}\n${passing}`, "passing.test.ts": passing },
      { isRepeating: true },
    );
    expect(lines).toEqual(["repeating: flaky.test.ts", "flaky: flaky.test.ts"]);
    expect(results).toEqual([
      ["flaky.test.ts", 2, 0],
      ["passing.test.ts", 1, 0],
    ]);
  });

  test("fails for a file that fails twice", async () => {
    const { lines, results } = await run(
      { "failing.test.ts": `${failing}\n${passing}`, "passing.test.ts": passing },
      { isRepeating: true },
    );
    expect(lines).toEqual(["repeating: failing.test.ts"]);
    expect(results).toEqual([
      ["failing.test.ts", 1, 1],
      ["passing.test.ts", 1, 0],
    ]);
  });

  test("fails for a file that cannot be loaded, beside a file with a failed test", async () => {
    const { lines, results } = await run(
      { "broken.test.ts": 'import "./missing.ts";', "failing.test.ts": failing, "passing.test.ts": passing },
      { isRepeating: true },
    );
    expect(lines.toSorted()).toEqual(["repeating: broken.test.ts", "repeating: failing.test.ts"]);
    expect(results).toEqual([
      ["broken.test.ts", 0, 1],
      ["failing.test.ts", 0, 1],
      ["passing.test.ts", 1, 0],
    ]);
  });

  test("repeats nothing when many files fail", async () => {
    const names = Array.from({ length: 11 }, (_, index) => `failing-${index}.test.ts`);
    const { lines, results } = await run(Object.fromEntries(names.map((name) => [name, failing])), {
      isRepeating: true,
    });
    expect(lines).toEqual([]);
    expect(results).toHaveLength(11);
  });
});

test("a run that does not repeat counts the first run", async () => {
  const { lines, results } = await run({ "flaky.test.ts": flaky }, { isRepeating: false });
  expect(lines).toEqual([]);
  expect(results).toEqual([["flaky.test.ts", 0, 1]]);
});

test("a test process that dies without a report has failed", async () => {
  const { results } = await run(
    { "dies.test.ts": 'process.kill(process.pid, "SIGKILL");' },
    { isRepeating: false },
  );
  expect(results).toEqual([["dies.test.ts", 0, 1]]);
});

test("files without a selected test have not failed", async () => {
  const { results } = await run(
    { "passing.test.ts": passing, "other.test.ts": 'test("is different", () => {});' },
    { isRepeating: true, bunOptions: ["--test-name-pattern=passes"] },
  );
  expect(results.filter(([, , failed]) => failed !== 0)).toEqual([]);
});

test("the report of a file has its failed and skipped tests and the time of nested ones", async () => {
  const waiting = 'describe("a", () => { test("waits", async () => { await Bun.sleep(20); }); });';
  const skipping = ["test.sk", 'ip("is <skipped>", () => {});'].join("");
  const text = [waiting, skipping, failing].join("\n");
  const { reports } = await run({ "a.test.ts": text }, { isRepeating: false });
  const names = { failures: ["fails"], skipped: ["is <skipped>"] };
  expect(reports).toEqual([
    { file: "a.test.ts", passed: 1, failed: 1, ...names, seconds: expect.any(Number) },
  ]);
  expect(reports[0]!.seconds).toBeGreaterThan(0);
});

test("an empty report has no files", () => {
  expect(parseReport('<testsuites name="bun test" tests="0"></testsuites>')).toEqual([]);
});
