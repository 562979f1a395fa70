import { useReducer } from "preact/hooks";
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
  if (commands.length === 0) return null;
  const begin = commands[0]!.startedAt;
  const last = commands.at(-1)!;
  const end = last.finishedAt ?? (isLive ? Math.floor(now / 1000) : last.startedAt);
  const span = Math.max(1, end - begin);
  const listed = isWhole ? commands : commands.slice(0, first);
  return (
    <section class="time-line" aria-labelledby="commands">
      <h2 id="commands">
        Commands <span class="quiet">{toSpan((end - begin) * 1000)}</span>
      </h2>
      <ol>
        {listed.map((command, index) => {
          const { directive, startedAt, finishedAt } = command;
          const tone = toCommandTone(command, isLive);
          const until = finishedAt ?? (isLive ? end : startedAt);
          const tookMs = store.timeline.durationOf(index, command) ?? (until - startedAt) * 1000;
          const style = {
            left: `${(Math.max(0, startedAt - begin) / span) * 100}%`,
            width: `${(Math.max(0, until - startedAt) / span) * 100}%`,
          };
          return (
            <li key={index} class={tone}>
              <button type="button" onClick={() => onCommand(index)} title={directive}>
                <span class="sign" aria-hidden="true">
                  {signs[tone]}
                </span>
                <span class="directive">{directive || "(empty command)"}</span>
                <span class="hidden">{toCommandWord(command, isLive)}</span>
                <span class="number">{toSpan(tookMs)}</span>
                <span class="axis" aria-hidden="true">
                  <span class="bar-of-time" style={style} />
                </span>
              </button>
            </li>
          );
        })}
      </ol>
      {!isWhole && commands.length > first && (
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
