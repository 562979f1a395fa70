import type { JobTimeline } from "signalman";
import type { Block, Sample, Timeline, TimelineNews } from "./browser/types.ts";

type UsageSample = JobTimeline["samples"][number];

/** A plot is about a thousand pixels wide. */
const mostPoints = 1000;
/** What a message brings; it follows the one before by a second or less. */
const newSamples = 8;
const newBlocks = 40;

/** Returns what browsers get when they open a job. */
export function toTimeline({ limits, processors, samples, blocks }: JobTimeline): Timeline {
  return { limits, processors, samples: toPoints(samples).map(toSample), blocks: blocks.map(toBlock) };
}

/** Returns the end of a timeline, for browsers that have what is before. `undefined` when there is nothing. */
export function toNews({ samples, blocks }: JobTimeline): TimelineNews | undefined {
  if (samples.length === 0 && blocks.length === 0) return undefined;
  return {
    samples: samples.slice(-newSamples).map(toSample),
    blocks: blocks.slice(-newBlocks).map(toBlock),
  };
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

function toBlock({ index, source, startedAt, durationMs }: JobTimeline["blocks"][number]): Block {
  return [index, startedAt, durationMs, source.kind === "plugin" ? `plugin ${source.plugin}` : source.kind];
}
