import { type Run, toRuns } from "./ansi.ts";
import type { Command, Row } from "./types.ts";
import { signs, toCommandTone, toCommandWord, toSpan, toTime } from "./words.ts";

export interface RowProps {
  readonly row: number;
  /** `undefined` until it is loaded. */
  readonly value: Row | undefined;
  readonly needle: string;
  readonly isCurrent: boolean;
  readonly hasTime: boolean;
  readonly onRow: (row: number) => void;
}

export function OutputRow(props: RowProps) {
  const { value, needle, isCurrent } = props;
  return (
    <div class={`row ${isCurrent ? "current" : ""}`}>
      <Margin {...props} />
      <span class="text">
        {value && toRuns(value[0]).map((run, index) => <Text key={index} run={run} needle={needle} />)}
      </span>
    </div>
  );
}

export interface CommandRowProps extends RowProps {
  readonly command: Command | undefined;
  readonly isLive: boolean;
  readonly isFolded: boolean;
  readonly onFold: () => void;
}

export function CommandRow({ command, isLive, isFolded, onFold, ...props }: CommandRowProps) {
  if (!command) return <OutputRow {...props} />;
  const tone = toCommandTone(command, isLive);
  const took =
    command.finishedAt === undefined ? "" : toSpan((command.finishedAt - command.startedAt) * 1000);
  return (
    <div class={`row command ${tone} ${props.isCurrent ? "current" : ""}`}>
      <Margin {...props} />
      <button type="button" class="text" aria-expanded={!isFolded} onClick={onFold}>
        <span class="fold" aria-hidden="true">
          {isFolded ? "▸" : "▾"}
        </span>
        <span class="directive">{props.value?.[0].trim() || command.directive || "(empty command)"}</span>
        <span class="outcome">
          <span aria-hidden="true">{signs[tone]} </span>
          {[toCommandWord(command, isLive), took].filter(Boolean).join(", ")}
        </span>
      </button>
    </div>
  );
}

function Margin({ row, value, hasTime, onRow }: RowProps) {
  return (
    <>
      <a
        class="line"
        href={`#L${row + 1}`}
        aria-label={`Line ${row + 1}`}
        onClick={(event) => {
          event.preventDefault();
          onRow(row);
        }}
      >
        {row + 1}
      </a>
      {hasTime && <time class="time">{value && toTime(value[1] * 1000)}</time>}
    </>
  );
}

function Text({ run, needle }: { readonly run: Run; readonly needle: string }) {
  const { text, classes, color, background } = run;
  const style = { ...(color && { color }), ...(background && { backgroundColor: background }) };
  return (
    <span class={classes} style={style}>
      {splitLinks(text).map((part, index) =>
        index % 2 === 1 ? (
          <a key={index} href={part} target="_blank" rel="noopener noreferrer">
            <Marked text={part} needle={needle} />
          </a>
        ) : (
          <Marked key={index} text={part} needle={needle} />
        ),
      )}
    </span>
  );
}

/** Every second part is a link. Other schemes than these two could run something. */
function splitLinks(text: string): string[] {
  return text.includes("://")
    ? text.split(/(https?:\/\/[^\s"'<>\\^`{|}]+[^\s"'<>\\^`{|}.,:;!?)\]])/)
    : [text];
}

function Marked({ text, needle }: { readonly text: string; readonly needle: string }) {
  if (needle === "") return <>{text}</>;
  const isExact = needle !== needle.toLowerCase();
  const searched = isExact ? text : text.toLowerCase();
  const parts = [];
  let at = 0;
  for (let hit = searched.indexOf(needle); hit !== -1; hit = searched.indexOf(needle, at)) {
    parts.push(text.slice(at, hit), <mark key={hit}>{text.slice(hit, hit + needle.length)}</mark>);
    at = hit + needle.length;
  }
  return (
    <>
      {parts}
      {text.slice(at)}
    </>
  );
}
