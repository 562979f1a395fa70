import type { JobEvent } from "signalman";
import { foldReturns, nextStyle } from "./styles.ts";

/** What is known at a position between two events of a log. */
export interface RowState {
  /** Number of complete rows. */
  row: number;
  /** The begun row, without its end. */
  pending: string;
  /** SGR sequences that apply to the next character. */
  style: string;
  /** Time of the last event, in Unix seconds. */
  seconds: number;
}

/** Receives the rows of a log in their order. */
export interface RowSink {
  /** A row of output, or (`isCommand`) the row with a command's directive, which may have several lines. */
  row(text: string, row: number, seconds: number, isCommand: boolean): void;
}

export function createRowState(): RowState {
  return { row: 0, pending: "", style: "", seconds: 0 };
}

/** Characters of a row; a longer line continues in further rows. */
const longestRow = 4096;

/**
 * Advances the state by an event. The rows depend on the events only, so that reading on from a stored state gives
 * the same rows. Without a sink, rows are only counted.
 */
export function applyEvent(state: RowState, event: JobEvent, sink?: RowSink): void {
  state.seconds = event.timestamp;
  switch (event.event) {
    case "cmd_output":
      return applyOutput(state, event.output, sink);
    case "cmd_started":
      endRow(state, sink);
      sink?.row(event.directive.slice(0, longestRow), state.row, state.seconds, true);
      state.row += 1;
      state.style = "";
      return;
    case "cmd_finished":
    case "job_finished":
      endRow(state, sink);
      state.style = "";
  }
}

/** Passes the begun row on as it is, without ending it. */
export function showPending(state: RowState, sink: RowSink): void {
  if (state.pending !== "") sink.row(toShown(state.pending, state.style), state.row, state.seconds, false);
}

/** Number of rows with the begun one. */
export function countRows({ row, pending }: RowState): number {
  return pending === "" ? row : row + 1;
}

function applyOutput(state: RowState, output: string, sink: RowSink | undefined): void {
  const text = state.pending === "" ? output : state.pending + output;
  let at = 0;
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", at)) {
    takeLine(state, text, at, end, sink);
    at = end + 1;
  }
  state.pending = at === 0 ? text : text.slice(at);
  if (state.pending.length > longestRow) state.pending = cutRows(state, foldReturns(state.pending), sink);
}

function takeLine(state: RowState, text: string, from: number, to: number, sink: RowSink | undefined): void {
  // Most lines are short and have no style: when they are only counted, they are not copied.
  if (to - from <= longestRow && !sink) {
    const escape = text.indexOf("\x1b", from);
    if (escape !== -1 && escape < to) state.style = nextStyle(state.style, text.slice(from, to));
    state.row += 1;
    return;
  }
  const line = text.slice(from, to);
  addRow(state, cutRows(state, line.length > longestRow ? foldReturns(line) : line, sink), sink);
}

/** Adds the rows of a line that is too long, and returns the rest. */
function cutRows(state: RowState, line: string, sink: RowSink | undefined): string {
  let at = 0;
  for (; line.length - at > longestRow; at += longestRow) {
    addRow(state, line.slice(at, at + longestRow), sink);
  }
  return at === 0 ? line : line.slice(at);
}

function addRow(state: RowState, line: string, sink: RowSink | undefined): void {
  sink?.row(toShown(line, state.style), state.row, state.seconds, false);
  if (line.includes("\x1b")) state.style = nextStyle(state.style, line);
  state.row += 1;
}

function endRow(state: RowState, sink: RowSink | undefined): void {
  if (state.pending !== "") addRow(state, state.pending, sink);
  state.pending = "";
}

function toShown(line: string, style: string): string {
  const folded = line.includes("\r") ? foldReturns(line) : line;
  return style === "" ? folded : style + folded;
}
