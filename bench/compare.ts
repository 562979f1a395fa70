// Compares the working tree with a commit: `npm run bench:compare -- <commit>`. Builds both programs,
// measures them alternately, and prints each figure with the ratio of the pairs. Takes less than five
// minutes.

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dispatch, flood, idle, many, measureStart, short } from "./compare/agent.ts";
import { buildCommit, buildThis } from "./compare/build.ts";
import { type MeasureGroup, toGroup } from "./compare/measure.ts";
import { measureRun } from "./compare/run.ts";
import { median } from "./figures.ts";
import { home } from "./running-agent.ts";

/** An ordinary user without privileges. */
const ordinaryUser = 65_534;

const [commit, ...only] = process.argv.slice(2);
if (commit === undefined) {
  console.error("usage: npm run bench:compare -- <commit> [<word of a figure's name>...]");
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), "signalman-compare-"));
// The ordinary user executes the programs, too.
chmodSync(directory, 0o755);
try {
  await compare(commit);
} finally {
  for (const path of [directory, home]) rmSync(path, { recursive: true, force: true });
}

async function compare(named: string): Promise<void> {
  const [now, then] = [join(directory, "now"), join(directory, "then")];
  const other = buildCommit(named, directory, then);
  buildThis(now);
  console.log(`| what | now | ${other} | ratio | spread of the ratios |\n| --- | --- | --- | --- | --- |`);
  const isRoot = process.getuid?.() === 0;
  const users = isRoot ? [undefined, ordinaryUser] : [undefined];
  const groups = [
    ...users.map(measureStart),
    ...users.flatMap(measureRun).map(toGroup),
    dispatch,
    short,
    flood,
    idle,
    many,
  ];
  for (const group of groups) if (isWanted(group)) await measurePair(group, now, then);
}

function isWanted({ figures }: MeasureGroup): boolean {
  return only.length === 0 || figures.some(({ name }) => only.some((word) => name.includes(word)));
}

/** Measures both programs alternately, each first in half of the rounds, and prints a row for each figure. */
async function measurePair(group: MeasureGroup, now: string, then: string): Promise<void> {
  const pairs: (readonly [readonly number[], readonly number[]])[] = [];
  for (let round = 0; round < group.rounds; round++) {
    if (round % 2 === 0) {
      const first = await group.measure(now);
      pairs.push([first, await group.measure(then)]);
    } else {
      const first = await group.measure(then);
      pairs.push([await group.measure(now), first]);
    }
  }
  group.figures.forEach(({ name, unit, isHigherBetter = false }, index) => {
    const ratios = pairs.map(([a, b]) => a[index]! / b[index]!).toSorted((a, b) => a - b);
    const [ours, theirs] = [0, 1].map((side) => format(median(pairs.map((pair) => pair[side]![index]!))));
    const direction = isHigherBetter ? " (higher is better)" : "";
    const range = `${ratios[0]!.toFixed(2)}–${ratios.at(-1)!.toFixed(2)}`;
    console.log(
      `| ${name}${direction} | ${ours} ${unit} | ${theirs} ${unit} | ${median(ratios).toFixed(2)} | ${range} |`,
    );
  });
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
