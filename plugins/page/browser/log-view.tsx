import { forwardRef } from "preact/compat";
import { useEffect, useImperativeHandle, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import { useKey } from "./keys.ts";
import type { LogStore } from "./log-store.ts";
import { CommandRow, OutputRow } from "./log-row.tsx";
import { toScroll } from "./scroll.ts";

/** What others do with the log. */
export interface LogViewHandle {
  readonly isFollowing: boolean;
  show(row: number, where?: "top" | "middle"): void;
  /** Shows a row as the last one. */
  showEnd(row: number): void;
  follow(): void;
  toggleFollow(): void;
}

export interface LogViewProps {
  readonly store: LogStore;
  readonly needle: string;
  readonly current: number | undefined;
  readonly hasTimes: boolean;
  readonly isWrapped: boolean;
  readonly onRow: (row: number) => void;
}

/** Height of a row that is not wrapped; `--row` of the style sheet. */
const rowHeight = 20;

/**
 * The rows of a log, of which only the visible ones exist. A row has its place in the scrolled height whether it is
 * wrapped or not, so that a million rows need no measuring.
 */
export const LogView = forwardRef<LogViewHandle, LogViewProps>((props, ref) => {
  const { store, hasTimes, isWrapped } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const height = useHeight(scroller);
  const [top, setTop] = useState(0);
  const [isFollowing, setFollowing] = useState(false);
  const update = useUpdates(store);

  const { shown } = store;
  const scroll = toScroll({ rows: shown, rowHeight, viewHeight: height });
  // Where the user wants to be: kept until they scroll, since height and folds may change after it was set.
  const target = useRef<{ readonly row: number; readonly above: number } | undefined>(undefined);
  const placed = useRef(0);
  const isMoved = useRef(false);
  const place = (): void => {
    const element = scroller.current!;
    if (isFollowing) element.scrollTop = scroll.offsetOf(Infinity);
    else if (target.current) {
      const { row, above } = target.current;
      element.scrollTop = scroll.offsetOf(store.placeOf(row) - above * scroll.perView);
    } else return;
    placed.current = element.scrollTop;
    isMoved.current = false;
    setTop(element.scrollTop);
  };
  const go = (row: number, above: number): void => {
    setFollowing(false);
    target.current = { row, above };
    update();
  };
  // Not at each rendering: setting the position renders again, and must not move it then.
  useLayoutEffect(place, [isFollowing, shown, height, target.current]);
  const handle: LogViewHandle = {
    isFollowing,
    show: (row, where = "middle") => go(row, where === "top" ? 0 : 1 / 3),
    showEnd: (row) => go(row + 1, 1),
    follow: () => setFollowing(true),
    toggleFollow() {
      target.current = undefined;
      setFollowing((is) => !is);
    },
  };
  useImperativeHandle(ref, () => handle);
  useKey("f", handle.toggleFollow);
  useKey("g", () => go(0, 0));
  useKey("G", () => go(Infinity, 0));

  const first = scroll.firstAt(top);
  const isEnd = first >= scroll.last - 0.01 && shown > scroll.perView;
  // Positions also change with the height of the view: only what the user does ends the following.
  const onGesture = (): void => void (isMoved.current = true);
  const onWheel = ({ deltaY }: WheelEvent): void => {
    onGesture();
    if (deltaY < 0) setFollowing(false);
  };
  const onScroll = (): void => {
    const { scrollTop } = scroller.current!;
    if (isMoved.current && Math.abs(scrollTop - placed.current) > 2) {
      target.current = undefined;
      if (scrollTop < placed.current) setFollowing(false);
      placed.current = scrollTop;
    }
    setTop(scrollTop);
  };
  return (
    <div
      class={`log ${isWrapped ? "wrapped" : ""} ${hasTimes ? "timed" : ""}`}
      ref={scroller}
      tabIndex={0}
      role="region"
      aria-label="Log"
      onScroll={onScroll}
      onWheel={onWheel}
      onTouchMove={onGesture}
      onPointerDown={onGesture}
      onKeyDown={onGesture}
    >
      <div class="log-height" style={{ height: `${Math.max(scroll.height, height)}px` }}>
        <div class={`log-rows ${isEnd ? "at-end" : ""}`} style={{ height: `${height}px` }}>
          <Rows {...props} first={first} perView={scroll.perView} isEnd={isEnd} />
        </div>
      </div>
    </div>
  );
});

interface RowsProps extends LogViewProps {
  /** Place of the first row in view, with the part of it that is above. */
  readonly first: number;
  readonly perView: number;
  readonly isEnd: boolean;
}

function Rows({ first, perView, isEnd, ...props }: RowsProps) {
  const { store } = props;
  const from = Math.floor(first);
  const to = Math.min(store.shown, from + Math.ceil(perView) + 1);
  const rows = Array.from({ length: Math.max(0, to - from) }, (_, index) => store.rowAt(from + index));
  useEffect(() => store.need(rows));
  if (rows.length === 0 && store.isLoaded) {
    return <p class="quiet">The log is empty{store.isLive ? " so far" : ""}.</p>;
  }
  return (
    <>
      {!isEnd && <div style={{ marginTop: `${-(first - from) * rowHeight}px` }} />}
      {rows.map((row) => (
        <LogRow key={row} row={row} {...props} />
      ))}
    </>
  );
}

function LogRow({ row, store, needle, current, hasTimes, onRow }: LogViewProps & { readonly row: number }) {
  const value = store.row(row);
  const shared = { row, value, needle, isCurrent: row === current, hasTime: hasTimes, onRow };
  const command = store.commandOf(row);
  if (command !== undefined && store.commands[command]?.row === row) {
    return (
      <CommandRow
        {...shared}
        command={store.commands[command]}
        tookMs={store.timeline.durationOf(command, store.commands[command])}
        isLive={store.isLive}
        isFolded={store.isFolded(command)}
        onFold={() => store.fold(command, !store.isFolded(command))}
      />
    );
  }
  return <OutputRow {...shared} />;
}

/** Renders after each change of the log. Returns what renders now. */
function useUpdates(store: LogStore): () => void {
  const [, update] = useReducer((count: number) => count + 1, 0);
  useEffect(() => store.subscribe(() => update(undefined)), [store]);
  return () => update(undefined);
}

function useHeight(scroller: { readonly current: HTMLElement | null }): number {
  const [height, setHeight] = useState(400);
  useEffect(() => {
    const element = scroller.current!;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return height;
}
