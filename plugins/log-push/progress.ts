import {
  countUndelivered,
  type LogBackendContext,
  type LogDelivery,
  type SpoolBatch,
  type SpoolCursor,
  toMessage,
} from "signalman";

/** Tracks and saves how much of a job's log the server has. */
export interface Progress {
  /** Number of events that the server has. */
  readonly event: number;
  delivered(batch: SpoolBatch): void;
  /** Records that this event is sent with the beginning of its text only. */
  shortened(event: number): void;
  /** Counts the undelivered events, up to the end of the log. */
  finish(trimmed: boolean): Promise<LogDelivery>;
}

export function createProgress(
  context: Pick<LogBackendContext, "spool" | "logger" | "saveCursor">,
): Progress {
  const { spool, logger } = context;
  let cursor = spool.cursor;
  let shortenedEvent = -1;
  let incompleteEvents = 0;
  let isSaved = true;

  const save = (next: SpoolCursor): void => {
    try {
      context.saveCursor(next);
      isSaved = true;
    } catch (error) {
      // Without the saved cursor, a restarted agent sends these events again, and they replace themselves.
      if (isSaved) logger.warn(`delivery cursor of the job's log could not be saved: ${toMessage(error)}`);
      isSaved = false;
    }
  };

  return {
    get event() {
      return cursor.event;
    },
    delivered(batch) {
      if (batch.start.event <= shortenedEvent && shortenedEvent < batch.end.event) incompleteEvents += 1;
      cursor = batch.end;
      save(cursor);
    },
    shortened(event) {
      shortenedEvent = event;
    },
    async finish(trimmed) {
      await countUndelivered(spool);
      return { trimmed, undelivered: incompleteEvents + spool.cursor.event - cursor.event };
    },
  };
}
