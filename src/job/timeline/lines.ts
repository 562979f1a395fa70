import type { JobLimits } from "../../core/contracts/executor-options.ts";
import type { JobTimeline } from "../../core/contracts/job-board.ts";
import type {
  BlockSource,
  CommandPhase,
  EndedBlock,
  EndedPhase,
  JobPhase,
} from "../../core/contracts/job-phases.ts";
import type { TimedPull } from "../../core/contracts/job-summary.ts";

export type UsageSample = JobTimeline["samples"][number];
export type RecordedBlock = JobTimeline["blocks"][number];

/** What a timeline is recorded with. The last one counts. */
export interface TimelineFrame {
  readonly limits: JobLimits;
  readonly processors: number;
  readonly assignedAt?: number | undefined;
}

/** A line of a timeline's file. */
export type TimelineLine =
  | { readonly is: "frame"; readonly frame: TimelineFrame }
  | { readonly is: "phase"; readonly phase: EndedPhase }
  | { readonly is: "pull"; readonly pull: TimedPull }
  | { readonly is: "sample"; readonly sample: UsageSample }
  | { readonly is: "block"; readonly block: RecordedBlock };

/** A list, since a job has thousands of them. */
export function formatSample(sample: UsageSample): string {
  return JSON.stringify([sample.at, ...figures.map((name) => sample[name])]);
}

export function formatBlock(index: number, block: EndedBlock): string {
  const { source, startedAt, durationMs, exitCode } = block;
  const shown =
    source.kind === "plugin" ? { ...source, plugin: source.plugin.slice(0, longestName) } : source;
  return JSON.stringify({ index, source: shown, startedAt, durationMs: Math.round(durationMs), exitCode });
}

export function formatPhase({ phase, startedAt, durationMs, isOk }: EndedPhase): string {
  return JSON.stringify({ phase, startedAt, durationMs: Math.round(durationMs), isOk });
}

export function formatPull({ image, startedAt, durationMs, isOk }: TimedPull): string {
  const times = { startedAt: Math.round(startedAt), durationMs: Math.round(durationMs) };
  return JSON.stringify({ image: image.slice(0, longestImage), ...times, isOk });
}

export function formatFrame({ limits, processors, assignedAt }: TimelineFrame): string {
  return JSON.stringify({ limits, processors, assignedAt });
}

/** Parses a line. `undefined` when it is none: a job may write to its own files. */
export function parseLine(line: string): TimelineLine | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (Array.isArray(value)) return parseSample(value);
    const fields = Object(value) as Readonly<Record<string, unknown>>;
    if ("limits" in fields) return parseFrame(fields);
    if ("phase" in fields) return parsePhase(fields);
    return "image" in fields ? parsePull(fields) : parseBlock(fields);
  } catch {
    return undefined;
  }
}

/** Replaces each two samples by the later one, with the more of their memory. */
export function halve(samples: readonly UsageSample[]): UsageSample[] {
  const halved: UsageSample[] = [];
  for (let index = 0; index < samples.length; index += 2) {
    const [first, last = first] = samples.slice(index, index + 2) as [UsageSample, UsageSample?];
    const memory = [first.memoryBytes, last.memoryBytes].filter((bytes) => bytes !== undefined);
    halved.push({ ...last, ...(memory.length > 0 && { memoryBytes: Math.max(...memory) }) });
  }
  return halved;
}

/** Number of blocks that are recorded of a job, and read. */
export const mostBlocks = 2000;

/** Number of phases and pulls, together. */
export const mostSpans = 200;

const longestName = 100;
const longestImage = 300;

/** The figures of a sample, in the order of its line. */
export const figures = ["cpuUserMs", "cpuSystemMs", "memoryBytes", "readBytes", "writtenBytes"] as const;

function parseSample(value: readonly unknown[]): TimelineLine | undefined {
  const [at, ...values] = value;
  const known = figures
    .map((name, index) => [name, values[index]] as const)
    .filter(([, figure]) => isFigure(figure));
  if (!isFigure(at) || known.length === 0) return undefined;
  return { is: "sample", sample: { at, ...Object.fromEntries(known) } };
}

function parseBlock(fields: Readonly<Record<string, unknown>>): TimelineLine | undefined {
  const { index, startedAt, durationMs, exitCode } = fields;
  const source = parseSource(Object(fields["source"]) as Readonly<Record<string, unknown>>);
  if (
    !source ||
    !isFigure(index) ||
    !isFigure(startedAt) ||
    !isFigure(durationMs) ||
    !Number.isSafeInteger(exitCode)
  )
    return undefined;
  return { is: "block", block: { index, source, startedAt, durationMs, exitCode: Number(exitCode) } };
}

function parseSource(fields: Readonly<Record<string, unknown>>): BlockSource | undefined {
  const { kind, plugin, phase, index } = fields;
  if (kind === "executor" || kind === "core") return { kind };
  if (kind === "plugin" && typeof plugin === "string") return { kind, plugin: plugin.slice(0, longestName) };
  if (kind === "command" && isCommandPhase(phase) && isFigure(index)) return { kind, phase, index };
  return undefined;
}

function parsePhase({
  phase,
  startedAt,
  durationMs,
  isOk,
}: Readonly<Record<string, unknown>>): TimelineLine | undefined {
  if (!isJobPhase(phase) || !isFigure(startedAt) || !isFigure(durationMs)) return undefined;
  return { is: "phase", phase: { phase, startedAt, durationMs, isOk: isOk === true } };
}

function parsePull({
  image,
  startedAt,
  durationMs,
  isOk,
}: Readonly<Record<string, unknown>>): TimelineLine | undefined {
  if (typeof image !== "string" || !isFigure(startedAt) || !isFigure(durationMs)) return undefined;
  const pull = { image: image.slice(0, longestImage), startedAt, durationMs, isOk: isOk === true };
  return { is: "pull", pull };
}

function parseFrame({ limits, processors, assignedAt }: Readonly<Record<string, unknown>>): TimelineLine {
  return {
    is: "frame",
    frame: {
      limits: toLimits(limits),
      processors: isFigure(processors) ? processors : 0,
      ...(isFigure(assignedAt) && { assignedAt }),
    },
  };
}

/** Returns the limits that are numbers. A job or a plugin may have written anything. */
export function toLimits(value: unknown): JobLimits {
  const { memoryBytes, cpus, pids } = Object(value) as Readonly<Record<string, unknown>>;
  const known = Object.entries({ memoryBytes, cpus, pids }).filter(([, limit]) => isFigure(limit));
  return Object.fromEntries(known);
}

const commandPhases: readonly unknown[] = [
  "commands",
  "epilogue-always",
  "epilogue-on-pass",
  "epilogue-on-fail",
] satisfies CommandPhase[];

function isCommandPhase(value: unknown): value is CommandPhase {
  return commandPhases.includes(value);
}

const jobPhases: readonly unknown[] = [
  "accept",
  "start-executor",
  "export",
  "files",
  "prepare",
  "commands",
  "epilogues",
  "finish",
  "dispose",
] satisfies JobPhase[];

function isJobPhase(value: unknown): value is JobPhase {
  return jobPhases.includes(value);
}

function isFigure(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
