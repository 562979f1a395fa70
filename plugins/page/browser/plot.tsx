import type { Axis } from "./bars.ts";
import type { Series } from "./usage-series.ts";

export interface PlotProps {
  readonly name: string;
  readonly series: Series | undefined;
  readonly axis: Axis;
  /** What the job could have used at most, where that is known. */
  readonly limit: number | undefined;
  /** The height of the plot is at least this value, so that almost nothing looks like it. */
  readonly least: number;
  readonly format: (value: number) => string;
}

/** A figure over time. */
export function Plot({ name, series, axis, limit, least, format }: PlotProps) {
  if (!series) return null;
  const { peak, average, points } = series;
  // A limit far above what was used would make the figure a flat line.
  const isLimitShown = limit !== undefined && peak.value > limit / 4;
  const top = Math.max(peak.value * 1.08, isLimitShown ? limit * 1.04 : 0, least);
  const line = points.map(({ at, value }) => `${toX(at, axis)} ${toY(value, top)}`).join("L");
  const first = toX(points[0]!.at, axis);
  const last = toX(points.at(-1)!.at, axis);
  const of = limit === undefined ? "" : ` of ${format(limit)}`;
  return (
    <div class={`track plot ${name.toLowerCase()}`}>
      <span class="track-name">
        {name} <span class="quiet">{format(peak.value)}</span>
      </span>
      <div class="lane">
        <svg
          viewBox="0 0 1000 100"
          preserveAspectRatio="none"
          role="img"
          aria-label={`${name}: peak ${format(peak.value)}${of}, average ${format(average)}`}
        >
          <path class="area" d={`M${first} 100L${line}L${last} 100z`} />
          <path class="line" d={`M${line}`} />
          {isLimitShown && (
            <path class="limit" d={`M0 ${toY(limit, top)}H1000`}>
              <title>limit</title>
            </path>
          )}
        </svg>
      </div>
    </div>
  );
}

function toX(at: number, { begin, end }: Axis): string {
  return (((at - begin) / (end - begin)) * 1000).toFixed(1);
}

function toY(value: number, top: number): string {
  return (100 - (value / top) * 100).toFixed(1);
}
