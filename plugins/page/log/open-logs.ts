import type { BoardLog, JobBoard, JobTimeline } from "signalman";
import { createLogIndex, type LogIndex } from "./log-index.ts";

/** The logs that clients read at present: one index for each, whatever the number of its readers. */
export interface OpenLogs extends Disposable {
  /**
   * Returns the index of a job's log, read up to its end; `undefined` for an unknown job. The caller releases it.
   */
  use(jobId: string): Promise<UsedLog | undefined>;
}

export interface UsedLog extends Disposable {
  readonly index: LogIndex;
  /** Left out: the board knows none. */
  readonly timeline?: { read(): JobTimeline } | undefined;
}

interface Entry extends Pick<UsedLog, "index" | "timeline"> {
  uses: number;
  timer?: ReturnType<typeof setTimeout> | undefined;
}

/** Logs that are open at the same time. */
const mostLogs = 64;
/** How long an index is kept after its last use. */
const keptMs = 60_000;

export function createOpenLogs(board: JobBoard): OpenLogs {
  const entries = new Map<string, Entry>();
  const close = (jobId: string, entry: Entry): void => {
    clearTimeout(entry.timer);
    entries.delete(jobId);
    entry.index[Symbol.dispose]();
  };
  const closeOldest = (): void => {
    const unused = [...entries].find(([, { uses }]) => uses === 0);
    if (!unused) throw new TooManyLogs();
    close(...unused);
  };
  const open = (jobId: string): Entry | undefined => {
    const log: BoardLog | undefined = board.openLog(jobId);
    if (!log) return undefined;
    const entry: Entry = { index: createLogIndex(log), timeline: board.openTimeline?.(jobId), uses: 0 };
    entries.set(jobId, entry);
    return entry;
  };
  return {
    async use(jobId) {
      if (!entries.has(jobId) && entries.size >= mostLogs) closeOldest();
      const entry = entries.get(jobId) ?? open(jobId);
      if (!entry) return undefined;
      clearTimeout(entry.timer);
      entry.uses += 1;
      const release = once(() => {
        entry.uses -= 1;
        if (entry.uses > 0) return;
        entry.timer = setTimeout(() => close(jobId, entry), keptMs);
        entry.timer.unref();
      });
      try {
        await entry.index.advance();
        const { index, timeline } = entry;
        return { index, timeline, [Symbol.dispose]: release };
      } catch (error) {
        release();
        throw error;
      }
    },
    [Symbol.dispose]() {
      for (const [jobId, entry] of entries) close(jobId, entry);
    },
  };
}

/** All logs that may be open are being read. */
export class TooManyLogs extends Error {}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
