import type { Store } from "../storage/store.ts";
import { createLogList, type LogBatch, type LogList } from "./log-list.ts";

/** A job's log on the server: the list that is appended to, and from the job's end on the archive. */
export interface JobLog {
  /** What readers see: the live list shadows the archive (protocol section 2.5). */
  readonly shown: LogList;
  /** What agents append to. */
  readonly live: LogList;
  /** Where the last batch begins. */
  readonly lastFrom: number;
  readonly isTrimmed: boolean;
  /** Keeps the first `from` events, and appends. */
  write(from: number, batch: LogBatch): void;
  /** The server's own last words. */
  writeTrimmed(batch: LogBatch): void;
  archive(): void;
}

/** What is in storage: one entry for each write, in its order; replaying them gives the log. */
interface Entry {
  readonly kind: "write" | "trimmed" | "archive";
  readonly from: number;
}

/** `stored` are the entries of an earlier process, in their order. */
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
  const perform = (entry: Entry, batch: LogBatch): void => {
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
    write: (from, batch) => perform({ kind: "write", from }, batch),
    writeTrimmed: (batch) => perform({ kind: "trimmed", from: live.length }, batch),
    archive: () => {
      if (live.length > 0) perform({ kind: "archive", from: 0 }, { lines: new Uint8Array(), count: 0 });
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
