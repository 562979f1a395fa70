import { useReducer } from "preact/hooks";
import { kindOf, kindWords, toBlockBars } from "./bars.ts";
import type { LogStore } from "./log-store.ts";
import { signs, toCommandTone, toCommandWord, toSpan } from "./words.ts";

export interface TimeLineProps {
  readonly store: LogStore;
  readonly now: number;
  readonly onCommand: (command: number) => void;
}

/** Commands that are listed at first. */
const first = 100;

/** The commands with their durations on one axis. */
export function TimeLine({ store, now, onCommand }: TimeLineProps) {
  const [isWhole, showAll] = useReducer(() => true, false);
  const { commands, count, isLive } = store;
  const bars = toBlockBars(store, now);
  if (bars.length === 0) return null;
  const begin = bars[0]!.from;
  const end = bars.at(-1)!.to;
  const span = Math.max(1000, end - begin);
  const listed = isWhole ? bars : bars.slice(0, first);
  return (
    <section class="time-line" aria-labelledby="commands">
      <h2 id="commands">
        Commands <span class="quiet">{toSpan(Math.round((end - begin) / 1000) * 1000)}</span>
      </h2>
      <ol>
        {listed.map(({ name, kind, from, to, tookMs }, index) => {
          const command = commands[index]!;
          const tone = toCommandTone(command, isLive);
          // Tenths of a second would not stand still.
          const stepMs = command.finishedAt === undefined ? 1000 : 1;
          const style = {
            left: `min(${(Math.max(0, from - begin) / span) * 100}%, 100% - 2px)`,
            width: `${((to - from) / span) * 100}%`,
          };
          return (
            <li key={index} class={tone}>
              <button type="button" onClick={() => onCommand(index)} title={name}>
                <span class="sign" aria-hidden="true">
                  {signs[tone]}
                </span>
                <span class="directive">{name}</span>
                <span class="hidden">
                  {kindWords[kindOf(store, index)]}, {toCommandWord(command, isLive)}
                </span>
                <span class="number">{toSpan(Math.floor(tookMs / stepMs) * stepMs)}</span>
                <span class="axis" aria-hidden="true">
                  <span class={`bar-of-time bar-${kind}`} style={style} />
                </span>
              </button>
            </li>
          );
        })}
      </ol>
      {!isWhole && bars.length > first && (
        <button type="button" onClick={() => showAll(undefined)}>
          Show {commands.length - first} more
        </button>
      )}
      {count > commands.length && (
        <p class="quiet">{count - commands.length} further commands are only in the log.</p>
      )}
    </section>
  );
}
