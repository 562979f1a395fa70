import type { Sample } from "./types.ts";

/** A figure over time. */
export interface Series {
  readonly points: readonly Point[];
  readonly peak: Point;
  /** Over the time, not over the points. */
  readonly average: number;
}

export interface Point {
  /** Unix milliseconds. */
  readonly at: number;
  readonly value: number;
}

export interface UsageSeries {
  /** Processors. */
  readonly cpu: Series | undefined;
  /** Bytes. */
  readonly memory: Series | undefined;
  /** Bytes read and written in a second. */
  readonly storage: Series | undefined;
}

/** Returns the figures of samples, of which the totals begin at `startedAt` (Unix milliseconds). */
export function toUsageSeries(samples: readonly Sample[], startedAt: number): UsageSeries {
  const cpu = samples.map(([at, cpuMs]) => ({ at, value: cpuMs }));
  const memory = samples.flatMap(([at, , value]) => (value === null ? [] : { at, value }));
  const storage = samples.map(([at, , , read, written]) => ({
    at,
    value: read === null && written === null ? null : (read ?? 0) + (written ?? 0),
  }));
  return {
    cpu: toSeries(toRates(cpu, startedAt, 1), startedAt),
    memory: toSeries(memory, startedAt),
    storage: toSeries(toRates(storage, startedAt, 1000), startedAt),
  };
}

/** The value at a time: that of the sample which covers it. */
export function valueAt(series: Series | undefined, at: number): number | undefined {
  if (!series || at > series.points.at(-1)!.at + 60_000) return undefined;
  return (series.points.find((point) => point.at >= at) ?? series.points.at(-1)!).value;
}

/** The value that is not exceeded in this share of the time. */
export function percentile({ points }: Series, share: number): number {
  const sorted = points.map(({ value }) => value).toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

/** The increase in a millisecond, times `factor`. A total that has become less began again. */
function toRates(
  totals: readonly { readonly at: number; readonly value: number | null }[],
  startedAt: number,
  factor: number,
): Point[] {
  let before = { at: startedAt, value: 0 };
  return totals.flatMap(({ at, value }) => {
    if (value === null || at <= before.at) return [];
    const increase = value >= before.value ? value - before.value : value;
    const rate = (increase / (at - before.at)) * factor;
    before = { at, value };
    return { at, value: rate };
  });
}

function toSeries(points: readonly Point[], startedAt: number): Series | undefined {
  const [first] = points;
  if (!first) return undefined;
  let [peak, area, before] = [first, 0, Math.min(startedAt, first.at)];
  for (const point of points) {
    if (point.value > peak.value) peak = point;
    area += point.value * (point.at - before);
    before = point.at;
  }
  const span = before - Math.min(startedAt, first.at);
  return { points, peak, average: span === 0 ? first.value : area / span };
}
