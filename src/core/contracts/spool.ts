/** A position in a spool: the index of the next event, and the byte offset at which it begins. */
export interface SpoolCursor {
  readonly event: number;
  readonly offset: number;
}

/** Consecutive events of a spool, as they are stored: each line is one JSON event and ends with `\n`. */
export interface SpoolBatch {
  /** Position of the first event in the batch. */
  readonly start: SpoolCursor;
  /** Position after the last event in the batch. */
  readonly end: SpoolCursor;
  readonly lines: Uint8Array;
}

/** Size of a batch of events, and how long a reader waits for it. */
export interface NextOptions {
  /** Default: 2,000. */
  readonly maxEvents?: number;
  /** Default: 1 MiB. */
  readonly maxBytes?: number;
  /** Milliseconds to wait, once there is an event, until there are `minBytes`. Default: 0. */
  readonly lingerMs?: number;
  /** Default, and at most: `maxBytes`. */
  readonly minBytes?: number;
  readonly signal?: AbortSignal;
}

/** Reads a spool while it grows or after it was closed. Only whole lines are returned. */
export interface SpoolReader extends Disposable {
  readonly cursor: SpoolCursor;
  /** CRC-32 of all bytes before the cursor, as they were read. */
  readonly checksum: number;
  /**
   * Resolves to the next events, at least one; waits for them. Resolves to `undefined` when the spool is
   * closed and has been read to its end. Rejects with the signal's reason when it aborts. An event larger
   * than `maxBytes` is returned alone.
   */
  next(options?: NextOptions): Promise<SpoolBatch | undefined>;
  /**
   * Returns whole events at a position, at least one if there is one, within the bounds of `next`. Neither
   * waits nor moves the cursor.
   */
  peek(
    at: SpoolCursor,
    options?: { readonly maxEvents?: number; readonly maxBytes?: number },
  ): SpoolBatch | undefined;
  /** Continues at a position that this spool returned before; `{ event: 0, offset: 0 }` is its beginning. */
  seek(cursor: SpoolCursor): void;
  /** Counts what is stored behind the cursor, without reading on. `events`: left out beyond 16 MiB. */
  countRest(): { readonly bytes: number; readonly events?: number };
}
