import { useState } from "preact/hooks";
import { type Run, toRuns } from "./ansi.ts";
import { Note } from "./dialog.tsx";
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
  /** Milliseconds, when it has ended. */
  readonly tookMs: number | undefined;
  readonly isFolded: boolean;
  readonly onFold: () => void;
}

export function CommandRow({ command, isLive, tookMs, isFolded, onFold, ...props }: CommandRowProps) {
  const [isWhole, setWhole] = useState(false);
  const directive = toText(props.value?.[0] ?? "") || command?.directive || "(empty command)";
  if (!command) return <OutputRow {...props} />;
  const tone = toCommandTone(command, isLive);
  const took = tookMs === undefined ? "" : toSpan(tookMs);
  return (
    <div class={`row command ${tone} ${props.isCurrent ? "current" : ""}`}>
      <Margin {...props} />
      <button type="button" class="text" aria-expanded={!isFolded} onClick={onFold}>
        <span class="fold" aria-hidden="true">
          {isFolded ? "▸" : "▾"}
        </span>
        <span class="directive">{toFirstLine(directive)}</span>
        <span class="outcome">
          <span aria-hidden="true">{signs[tone]} </span>
          {[toCommandWord(command, isLive), took].filter(Boolean).join(", ")}
        </span>
      </button>
      {(directive.length > longestTitle || directive.includes("\n")) && (
        <button
          type="button"
          class="whole"
          title="Show the whole command"
          aria-label="Show the whole command"
          onClick={() => setWhole(true)}
        >
          …
        </button>
      )}
      {isWhole && <WholeCommand directive={directive} onClose={() => setWhole(false)} />}
    </div>
  );
}

/** Longer commands do not fit into their row on most screens. */
const longestTitle = 60;

/** Without control characters and what changes the direction of text. */
function toText(row: string): string {
  return toRuns(row)
    .map(({ text }) => text)
    .join("")
    .trim();
}

function toFirstLine(directive: string): string {
  const [first = "", ...rest] = directive.split("\n");
  return rest.length > 0 ? `${first.trimEnd()} …` : first;
}

function WholeCommand({ directive, onClose }: { readonly directive: string; readonly onClose: () => void }) {
  return (
    <Note title="Command" onClose={onClose}>
      <pre class="whole-command" tabIndex={0}>
        {directive}
      </pre>
    </Note>
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
