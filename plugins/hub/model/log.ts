import type { Store } from "../storage/store.ts";
import { createLogList, type LogBatch, type LogList } from "./log-list.ts";

/** A job's log on the server: a live list, which is archived at the end of the job. */
export interface JobLog {
  /** The log that readers see: the live list, if it is not empty, else the archive (protocol section 2.5). */
  readonly shown: LogList;
  /** The list that agents append to. */
  readonly live: LogList;
  /** Index of the first event of the last batch. */
  readonly lastFrom: number;
  readonly isTrimmed: boolean;
  /** Truncates the live list to `from` events and appends a batch. */
  write(from: number, batch: LogBatch): void;
  /** Appends the server's notice that the log is trimmed. */
  writeTrimmed(batch: LogBatch): void;
  /** Moves the live list to the archive. */
  archive(): void;
}

/** A stored change of a log. The log is restored by replaying its entries. */
interface Entry {
  readonly kind: "write" | "trimmed" | "archive";
  readonly from: number;
}

/** Creates a log from stored entries, in the order in which they were written. */
export function createLog(jobId: string, store: Store, stored: readonly Uint8Array[] = []): JobLog {
  let live = createLogList();
  let archived: LogList | undefined;
  let lastFrom = 0;
  let isTrimmed = false;
  let next = 0;

  const apply = ({ kind, from }: Entry, batch: LogBatch): void => {
    if (kind === "archive") {
      archived = live;
      live = createLogList();
      return;
    }
    live.truncate(from);
    if (kind === "write") lastFrom = live.length;
    isTrimmed = kind === "trimmed" || (isTrimmed && from > 0);
    live.append(batch);
  };
  const record = (entry: Entry, batch: LogBatch): void => {
    apply(entry, batch);
    store.putBytes(`logs:${jobId}:${String(next++).padStart(8, "0")}`, encode(entry, batch));
  };

  for (const bytes of stored) {
    const { entry, batch } = decode(bytes);
    apply(entry, batch);
    next += 1;
  }
  return {
    get shown() {
      return live.length > 0 ? live : (archived ?? live);
    },
    get live() {
      return live;
    },
    get lastFrom() {
      return lastFrom;
    },
    get isTrimmed() {
      return isTrimmed;
    },
    write: (from, batch) => record({ kind: "write", from }, batch),
    writeTrimmed: (batch) => record({ kind: "trimmed", from: live.length }, batch),
    archive: () => {
      if (live.length > 0) record({ kind: "archive", from: 0 }, { lines: new Uint8Array(), count: 0 });
    },
  };
}

function encode(entry: Entry, { lines, count }: LogBatch): Uint8Array {
  return Buffer.concat([Buffer.from(`${JSON.stringify({ ...entry, count })}\n`), lines]);
}

function decode(bytes: Uint8Array): { entry: Entry; batch: LogBatch } {
  const end = bytes.indexOf(10);
  const { count, ...entry } = JSON.parse(Buffer.from(bytes.subarray(0, end)).toString()) as Entry & {
    count: number;
  };
  return { entry, batch: { lines: bytes.subarray(end + 1), count } };
}
