import { toSize, toSpan } from "../../core/text/amounts.ts";
import type { JobUsage } from "../../core/contracts/job-summary.ts";

/** Formats the resources of a job, one line per figure: `CPU time       12.3 s user, 0.4 s system`. */
export function toReport(took: {
  readonly durationMs: number;
  readonly usage?: JobUsage | undefined;
}): string[] {
  const { cpuUserMs, cpuSystemMs, peakMemoryBytes, readBytes, writtenBytes, oomKills } = took.usage ?? {};
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["wall time", toTime(took.durationMs)],
    ["CPU time", pair([cpuUserMs, toTime, "user"], [cpuSystemMs, toTime, "system"])],
    ["peak memory", peakMemoryBytes === undefined ? undefined : toSize(peakMemoryBytes)],
    ["storage", pair([readBytes, toSize, "read"], [writtenBytes, toSize, "written"])],
    ["out of memory", oomKills ? toKills(oomKills) : undefined],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(15)}${value}`]));
}

/** Formats the resources of a job in one line, `CPU 12.7 s, memory 512 MiB`; empty when nothing is known. */
export function toShortReport(usage: JobUsage | undefined): string {
  const { cpuUserMs, cpuSystemMs, peakMemoryBytes, oomKills } = usage ?? {};
  const cpuMs =
    cpuUserMs === undefined && cpuSystemMs === undefined ? undefined : (cpuUserMs ?? 0) + (cpuSystemMs ?? 0);
  return [
    ...(cpuMs === undefined ? [] : [`CPU ${toTime(cpuMs)}`]),
    ...(peakMemoryBytes === undefined ? [] : [`memory ${toSize(peakMemoryBytes)}`]),
    ...(oomKills ? [`out of memory: ${toKills(oomKills)}`] : []),
  ].join(", ");
}

type Figure = readonly [value: number | undefined, format: (value: number) => string, what: string];

function pair(...figures: readonly Figure[]): string | undefined {
  const known = figures.flatMap(([value, format, what]) =>
    value === undefined ? [] : [`${format(value)} ${what}`],
  );
  return known.length === 0 ? undefined : known.join(", ");
}

function toKills(count: number): string {
  return count === 1 ? "1 process was killed" : `${count} processes were killed`;
}

function toTime(durationMs: number): string {
  return toSpan(durationMs / 1000, 1);
}
