import type { SpoolBatch, SpoolCursor } from "signalman";

/** The positions of every 64th event of a log, so that any event is found by reading little of the log. */
export interface EventIndex {
  /** The position after the last event. */
  readonly end: SpoolCursor;
  /** Adds the events that follow. */
  add(batch: SpoolBatch): void;
  /** Returns the last indexed position at or before an event. */
  find(event: number): SpoolCursor;
}

export function createEventIndex(): EventIndex {
  const offsets: number[] = [];
  let end: SpoolCursor = { event: 0, offset: 0 };
  return {
    get end() {
      return end;
    },
    add({ start, end: next, lines }) {
      let event = start.event;
      for (let at = 0; at < lines.length; at = lines.indexOf(newline, at) + 1) {
        if (event % stride === 0) offsets.push(start.offset + at);
        event += 1;
      }
      end = next;
    },
    find(event) {
      const index = Math.min(Math.floor(event / stride), offsets.length - 1);
      return index < 0 ? { event: 0, offset: 0 } : { event: index * stride, offset: offsets[index]! };
    },
  };
}

const stride = 64;
const newline = 0x0a;
