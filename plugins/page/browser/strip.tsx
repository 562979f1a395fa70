import { type Axis, type Bar, kindWords, toTotals } from "./bars.ts";
import { toSpan } from "./words.ts";

/** The bars of a job. The slider above them reads them one by one. */
export function Strip({ bars, axis }: { readonly bars: readonly Bar[]; readonly axis: Axis }) {
  return (
    <div class="track strip" aria-hidden="true">
      <span class="track-name">Steps</span>
      <div class="lane">
        <svg viewBox="0 0 1000 10" preserveAspectRatio="none">
          {toTotals(bars).map(([kind]) => (
            <path
              key={kind}
              class={`bar-${kind}`}
              d={bars
                .filter((bar) => bar.kind === kind)
                .map((bar) => toRectangle(bar, axis))
                .join("")}
            />
          ))}
        </svg>
      </div>
    </div>
  );
}

/** What the colours of the bars mean, and how long each kind took. */
export function Legend({ bars }: { readonly bars: readonly Bar[] }) {
  return (
    <ul class="legend" aria-label="Time of the steps by kind">
      {toTotals(bars).map(([kind, tookMs]) => (
        <li key={kind}>
          <span class={`bar-${kind}`} aria-hidden="true">
            {kind === "wait" ? "□" : "■"}
          </span>{" "}
          {kindWords[kind]} {toSpan(Math.round(tookMs))}
          {kind === "wait" && isShortened(bars[0]!) && " (shortened)"}
        </li>
      ))}
    </ul>
  );
}

function isShortened({ from, to, tookMs }: Bar): boolean {
  return to - from < tookMs - 1;
}

/** Leaves a thin line between two bars, and shows one that is too short for it as well: what failed first of all. */
function toRectangle({ kind, from, to }: Bar, { begin, end }: Axis): string {
  const scale = 1000 / (end - begin);
  const width = Math.max(kind === "failed" ? 5 : 1.2, (to - from) * scale - 0.6);
  const left = Math.min(1000 - width, Math.max(0, (from - begin) * scale));
  return `M${left.toFixed(1)} 0h${width.toFixed(1)}v10h-${width.toFixed(1)}z`;
}
