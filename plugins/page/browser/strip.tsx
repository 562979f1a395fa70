import type { LogStore } from "./log-store.ts";
import { toCommandTone } from "./words.ts";

/** The time of a block of the log, in Unix milliseconds. */
export interface Bar {
  readonly command: number;
  readonly from: number;
  readonly to: number;
  readonly kind: BarKind;
}

export type BarKind = "command" | "hook" | "executor" | "agent" | "failed";

export interface Axis {
  readonly begin: number;
  readonly end: number;
}

const words: Readonly<Record<BarKind, string>> = {
  command: "commands",
  hook: "plugins and hooks",
  executor: "executor: start, images",
  agent: "agent",
  failed: "failed",
};

/** Returns the blocks of a log. What their kind is, only the agent that ran the job knows. */
export function toBars(store: LogStore, end: number): Bar[] {
  return store.commands.map((command, index) => {
    const block = store.timeline.blockOf(index);
    const from = block?.[1] ?? command.startedAt * 1000;
    const took = store.timeline.durationOf(index, command);
    const to = took === undefined ? (store.isLive ? end : from) : from + took;
    const isFailed = toCommandTone(command, store.isLive) === "bad";
    return { command: index, from, to, kind: isFailed ? "failed" : toKind(block?.[3] ?? "command") };
  });
}

function toKind(kind: string): BarKind {
  if (kind.startsWith("plugin ")) return "hook";
  return kind === "executor" ? "executor" : kind === "core" ? "agent" : "command";
}

/** The blocks as bars. Readers of the screen have them in the list of commands. */
export function Strip({ bars, axis }: { readonly bars: readonly Bar[]; readonly axis: Axis }) {
  const kinds = Object.keys(words).filter((kind) => bars.some((bar) => bar.kind === kind)) as BarKind[];
  return (
    <>
      <div class="track strip" aria-hidden="true">
        <span class="track-name">Commands</span>
        <div class="lane">
          <svg viewBox="0 0 1000 10" preserveAspectRatio="none">
            {kinds.map((kind) => (
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
      {kinds.length > 1 && (
        <ul class="legend" aria-hidden="true">
          {kinds.map((kind) => (
            <li key={kind}>
              <span class={`bar-${kind}`}>■</span> {words[kind]}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Leaves a thin line between two bars, and shows one that is too short for it as well. */
function toRectangle({ from, to }: Bar, { begin, end }: Axis): string {
  const scale = 1000 / (end - begin);
  const left = Math.max(0, (from - begin) * scale);
  const width = Math.max(1.2, (to - from) * scale - 0.6);
  return `M${left.toFixed(1)} 0h${width.toFixed(1)}v10h-${width.toFixed(1)}z`;
}
