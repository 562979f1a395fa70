import { type BoardLog, type JobEvent, parseJobEvent, type SpoolCursor } from "signalman";
import { createOutline, type Outline } from "./commands.ts";
import { applyEvent, countRows, createRowState, type RowSink, type RowState, showPending } from "./rows.ts";

/** A row as browsers get it: text, Unix seconds, and 1 for a command. */
export type Row = readonly [text: string, seconds: number, kind?: 1];

/** Finds the rows of a growing log without keeping its text. */
export interface LogIndex extends Disposable {
  /** Number of rows that are known. */
  readonly total: number;
  readonly outline: Outline;
  /** Changes with each event that was read. */
  readonly version: number;
  /** Reads what was added, in slices between which others run. */
  advance(): Promise<void>;
  /** Returns known rows from `from` on. */
  rows(from: number, count: number): Row[];
  /** Passes all known rows to a sink, in slices between which others run. */
  scan(sink: RowSink, signal: AbortSignal): Promise<void>;
}

interface Place {
  readonly cursor: SpoolCursor;
  readonly state: Readonly<RowState>;
}

/** Bytes between two places from which rows are read. */
const placeBytes = 512 * 1024;
const slice = { maxBytes: 256 * 1024, maxEvents: 20_000 };

export function createLogIndex(log: BoardLog): LogIndex {
  const outline = createOutline();
  const state = createRowState();
  const places: Place[] = [{ cursor: { event: 0, offset: 0 }, state: { ...state } }];
  let cursor = places[0]!.cursor;
  let advancing: Promise<void> | undefined;

  const readSlice = (): boolean => {
    const batch = log.peek(cursor, slice);
    if (!batch) return false;
    for (const event of toEvents(batch.lines)) {
      // Output before the command's row is ended by it.
      applyEvent(state, event);
      outline.apply(event, state.row - 1);
    }
    cursor = batch.end;
    if (cursor.offset - places.at(-1)!.cursor.offset >= placeBytes)
      places.push({ cursor, state: { ...state } });
    return true;
  };
  const advance = async (): Promise<void> => {
    while (readSlice()) await breathe();
  };

  return {
    outline,
    get total() {
      return countRows(state);
    },
    get version() {
      return cursor.event;
    },
    advance: () => (advancing ??= advance().finally(() => (advancing = undefined))),
    rows(from, count) {
      const found: Row[] = [];
      const to = from + count;
      const sink: RowSink = {
        row(text, row, seconds, isCommand) {
          if (row >= from && row < to) found.push(isCommand ? [text, seconds, 1] : [text, seconds]);
        },
      };
      const place = places.findLast(({ state }) => state.row <= from)!;
      let at = place.cursor;
      const own = { ...place.state };
      while (own.row < to && at.event < cursor.event) {
        const batch = log.peek(at, slice);
        if (!batch) break;
        for (const event of toEvents(batch.lines)) {
          applyEvent(own, event, sink);
          if (own.row >= to) break;
        }
        at = batch.end;
      }
      if (own.row < to) showPending(own, sink);
      return found;
    },
    async scan(sink, signal) {
      const own = createRowState();
      let at: SpoolCursor = { event: 0, offset: 0 };
      for (let batch = log.peek(at, slice); batch && at.event < cursor.event; batch = log.peek(at, slice)) {
        for (const event of toEvents(batch.lines)) applyEvent(own, event, sink);
        at = batch.end;
        await breathe();
        signal.throwIfAborted();
      }
      showPending(own, sink);
    },
    [Symbol.dispose]: () => log[Symbol.dispose](),
  };
}

const decoder = new TextDecoder();

/** Parses the lines of a log, without those that are no events: a job can write to its own log. */
export function toEvents(lines: Uint8Array): JobEvent[] {
  return decoder
    .decode(lines)
    .split("\n")
    .flatMap((line) => (line === "" ? [] : (parseJobEvent(line) ?? [])));
}

/** Lets other work of the process run. */
function breathe(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
