import type { Timeline } from "./types.ts";
import { percentile, type UsageSeries } from "./usage-series.ts";

const mebi = 2 ** 20;
/** A shorter job tells little about its need. */
const leastMs = 30_000;

/** Advises limits of memory and CPUs by what a job used. The rule is in `docs/page.md`. */
export function toSizeHint(
  { limits, processors, samples }: Timeline,
  { cpu, memory }: UsageSeries,
): string | undefined {
  if ((samples.at(-1)?.[0] ?? 0) - (samples[0]?.[0] ?? 0) < leastMs) return undefined;
  const hints = [
    memory && toMemoryHint(memory.peak.value, limits.memoryBytes),
    cpu && toCpuHint(percentile(cpu, 0.95), limits.cpus, processors),
  ].filter((hint) => hint !== undefined);
  return hints.length === 0 ? undefined : hints.join("; ");
}

/** A quarter more than the peak, in steps of 64 MiB, from 1 GiB on of 256 MiB. */
export function toMemoryNeed(peak: number): number {
  const need = peak * 1.25;
  const step = (need < 1024 * mebi ? 64 : 256) * mebi;
  return Math.ceil(need / step) * step;
}

function toMemoryHint(peak: number, limit: number | undefined): string | undefined {
  const need = toMemoryNeed(peak);
  if (limit === undefined) return `${toAmount(need)} of memory`;
  if (peak > limit * 0.9) return `${toAmount(need)} of memory, since the peak is near the limit`;
  return need <= limit / 2 ? `${toAmount(need)} of memory are enough` : "the memory limit fits";
}

/** As `job-memory` takes it. */
function toAmount(bytes: number): string {
  const mebibytes = bytes / mebi;
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024} GiB` : `${mebibytes} MiB`;
}

function toCpuHint(used: number, limit: number | undefined, processors: number): string | undefined {
  const need = Math.max(0.5, Math.ceil(used * 2) / 2);
  const available = limit ?? processors;
  if (available > 0 && used > available * 0.9) return `more than ${toCount(available)} would make it faster`;
  if (limit === undefined) return toCount(need);
  return need <= limit / 2 ? `${toCount(need)} are enough` : "the CPU limit fits";
}

function toCount(cpus: number): string {
  return cpus === 1 ? "1 CPU" : `${cpus} CPUs`;
}
