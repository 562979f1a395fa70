import type { SpoolCursor } from "./backend.ts";

/** Some events of a spool, as they stand in it: each line is one JSON event and ends with `\n`. */
export interface SpoolBatch {
  /** Index of the first event in it, and the byte offset at which it begins. */
  readonly start: SpoolCursor;
  /** Where to go on. */
  readonly end: SpoolCursor;
  readonly lines: Uint8Array;
}

/** Reads a spool while it grows, or after. Whole lines only. */
export interface SpoolReader extends Disposable {
  readonly cursor: SpoolCursor;
  /** The next events, at least one; waits for them. `undefined`: the spool is closed and all is read. */
  next(options?: {
    maxEvents?: number;
    maxBytes?: number;
    signal?: AbortSignal;
  }): Promise<SpoolBatch | undefined>;
}
