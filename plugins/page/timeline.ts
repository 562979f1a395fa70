import type { JobSpan, JobTimeline } from "signalman";
import type { Block, Sample, Span, Timeline } from "./browser/types.ts";

type UsageSample = JobTimeline["samples"][number];

/** A plot is about a thousand pixels wide. */
const mostPoints = 1000;
/** What a message brings; it follows the one before by a second or less. */
const newSamples = 8;
const newBlocks = 40;
const newSpans = 10;

/** Returns what browsers get when they open a job. */
export function toTimeline(timeline: JobTimeline): Timeline {
  const { samples, blocks } = timeline;
  return {
    ...toFrame(timeline),
    samples: toPoints(samples).map(toSample),
    blocks: blocks.map(toBlock),
    spans: toSpans(timeline),
  };
}

/** Returns the end of a timeline, for browsers that have what is before. `undefined` when nothing was recorded. */
export function toNews(timeline: JobTimeline): Timeline | undefined {
  const { processors, samples, blocks, phases, pulls } = timeline;
  if (processors === 0) return undefined;
  return {
    ...toFrame(timeline),
    samples: samples.slice(-newSamples).map(toSample),
    blocks: blocks.slice(-newBlocks).map(toBlock),
    spans: toSpans({ phases: phases.slice(-newSpans), pulls: pulls.slice(-newSpans) }),
  };
}

function toFrame({
  limits,
  processors,
  assignedAt,
}: JobTimeline): Omit<Timeline, "samples" | "blocks" | "spans"> {
  return { limits, processors, ...(assignedAt !== undefined && { assignedAt }) };
}

/** Of several samples the last one stays, with the most memory of them. */
function toPoints(samples: readonly UsageSample[]): UsageSample[] {
  const step = Math.ceil(samples.length / mostPoints);
  if (step <= 1) return [...samples];
  const points: UsageSample[] = [];
  for (let at = 0; at < samples.length; at += step) {
    const group = samples.slice(at, at + step);
    const memory = group.flatMap(({ memoryBytes }) => memoryBytes ?? []);
    points.push({ ...group.at(-1)!, ...(memory.length > 0 && { memoryBytes: Math.max(...memory) }) });
  }
  return points;
}

function toSample({ at, memoryBytes, readBytes, writtenBytes, ...cpu }: UsageSample): Sample {
  const isCpuKnown = cpu.cpuUserMs !== undefined || cpu.cpuSystemMs !== undefined;
  const cpuMs = isCpuKnown ? (cpu.cpuUserMs ?? 0) + (cpu.cpuSystemMs ?? 0) : null;
  return [at, cpuMs, memoryBytes ?? null, readBytes ?? null, writtenBytes ?? null];
}

function toSpans({ phases, pulls }: Pick<JobTimeline, "phases" | "pulls">): Span[] {
  return [
    ...phases.map((phase) => toSpan("phase", phase.phase, phase)),
    ...pulls.map((pull) => toSpan("pull", pull.image, pull)),
  ];
}

function toSpan(
  kind: Span[0],
  name: string,
  { startedAt, durationMs, isOk }: JobSpan & { readonly isOk: boolean },
): Span {
  return [kind, name, startedAt, durationMs, isOk ? 1 : 0];
}

function toBlock({ index, source, startedAt, durationMs }: JobTimeline["blocks"][number]): Block {
  return [index, startedAt, durationMs, source.kind === "plugin" ? `plugin ${source.plugin}` : source.kind];
}
