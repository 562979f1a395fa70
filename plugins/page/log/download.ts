import type { BoardLog, SpoolCursor } from "signalman";
import { applyEvent, createRowState, showPending } from "./rows.ts";
import { toEvents } from "./log-index.ts";
import { toPlain } from "./styles.ts";

/** Yields the events of a log as they are stored. */
export function* readWhole(log: BoardLog): Generator<Uint8Array> {
  let at: SpoolCursor = { event: 0, offset: 0 };
  for (let batch = log.peek(at); batch; batch = log.peek(at)) {
    // A copy, since a piece may still be sent when the next one is read.
    yield batch.lines.slice();
    at = batch.end;
  }
}

/** Yields directives and output as text, without colours and with each line as a terminal leaves it. */
export function* readPlain(log: BoardLog): Generator<string> {
  const state = createRowState();
  let text = "";
  const sink = { row: (row: string) => void (text += `${toPlain(row.replaceAll("\n", " "))}\n`) };
  for (const lines of readWhole(log)) {
    for (const event of toEvents(lines)) applyEvent(state, event, sink);
    yield text;
    text = "";
  }
  showPending(state, sink);
  yield text;
}
