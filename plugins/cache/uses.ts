/** What a job has used the cache for. */
export interface CacheUse {
  /** Objects that were restored from their first byte on. */
  readonly hits: number;
  /** Lookups that found nothing, except those before the same object was stored. */
  readonly misses: number;
  readonly restoredBytes: number;
  readonly storedBytes: number;
  /** Seconds in which at least one request restored an object. */
  readonly restoredSeconds: number;
  readonly storedSeconds: number;
}

/** Receives what the requests of one job do. */
export interface UseRecorder {
  /** An object was looked up and not found. */
  missing(key: string): void;
  /** An object is about to be stored. */
  storing(key: string): void;
  stored(bytes: number): void;
  restored(bytes: number, isFromStart: boolean): void;
  /** A request with content begins; it ends when the result is disposed. */
  transfer(kind: TransferKind): Disposable;
}

export type TransferKind = "restored" | "stored";

/** The use of the cache by the running jobs. */
export interface CacheUses {
  recorder(job: string): UseRecorder;
  /** Returns what a job did; `undefined` when it has sent no request. */
  of(job: string): CacheUse | undefined;
  /** Forgets a job that has ended. */
  end(job: string): void;
}

/**
 * Creates the books. `count` receives what is final: a client that stores an object looks it up first, so that a
 * lookup counts as a miss only when another request or the job's end shows that it was none of these.
 */
export function createCacheUses(count: (what: keyof CacheUse, by: number) => void): CacheUses {
  const jobs = new Map<string, JobUse>();
  const end = (job: string): void => {
    jobs.get(job)?.end();
    jobs.delete(job);
  };
  return {
    recorder(job) {
      const use = jobs.get(job) ?? createJobUse(count);
      jobs.set(job, use);
      if (jobs.size > mostJobs) for (const oldest of jobs.keys().take(1)) end(oldest);
      return use.recorder;
    },
    of: (job) => jobs.get(job)?.read(),
    end,
  };
}

interface JobUse {
  readonly recorder: UseRecorder;
  read(): CacheUse;
  end(): void;
}

function createJobUse(count: (what: keyof CacheUse, by: number) => void): JobUse {
  const totals = {
    hits: 0,
    misses: 0,
    restoredBytes: 0,
    storedBytes: 0,
    restoredSeconds: 0,
    storedSeconds: 0,
  };
  const undecided = new Set<string>();
  const add = (what: keyof CacheUse, by: number): void => {
    if (by === 0) return;
    totals[what] += by;
    count(what, by);
  };
  const clocks = {
    restored: createTransferClock((seconds) => add("restoredSeconds", seconds)),
    stored: createTransferClock((seconds) => add("storedSeconds", seconds)),
  };
  return {
    recorder: {
      transfer: (kind) => clocks[kind](),
      missing(key) {
        if (undecided.has(key) || undecided.size >= mostUndecided) add("misses", 1);
        else undecided.add(key);
      },
      storing: (key) => void undecided.delete(key),
      stored: (bytes) => add("storedBytes", bytes),
      restored(bytes, isFromStart) {
        if (isFromStart) add("hits", 1);
        add("restoredBytes", bytes);
      },
    },
    read: () => ({ ...totals, misses: totals.misses + undecided.size }),
    end() {
      add("misses", undecided.size);
      undecided.clear();
    },
  };
}

/** Measures the time in which something is transferred, however many transfers there are at a time. */
function createTransferClock(add: (seconds: number) => void): () => Disposable {
  let [running, since] = [0, 0];
  return () => {
    if (running === 0) since = performance.now();
    running += 1;
    let isRunning = true;
    return {
      [Symbol.dispose]() {
        if (!isRunning) return;
        isRunning = false;
        running -= 1;
        if (running === 0) add((performance.now() - since) / 1000);
      },
    };
  };
}

/** A cache of several agents is not told the end of every job. */
const mostJobs = 10_000;

/** Bounds what a job can make the agent keep. */
const mostUndecided = 1000;
