/** Decides when the next push may begin: at once after a pause, with growing intervals during continuous output. */
export interface Pace {
  /** When the next push may begin, in `performance.now()`. */
  readonly due: number;
  /** Records that a push begins now. */
  started(): void;
}

/** Exponential back-off with full jitter. */
interface Backoff {
  /** Counts a failure and returns the milliseconds to wait. A server's `Retry-After` is honoured up to 5 minutes. */
  next(retryAfterMs?: number): number;
  reset(): void;
}

interface BackoffOptions {
  /** Longest wait after the first failure; doubled with each further failure. */
  readonly baseMs: number;
  readonly maxMs: number;
  readonly random?: () => number;
}

/**
 * The interval between two pushes grows from 2 ms, so that a job's first lines appear at once, to
 * `intervalMs`. After a pause of twice `intervalMs` it starts again at 2 ms.
 */
export function createPace(intervalMs: number, now: () => number = () => performance.now()): Pace {
  let last = -Infinity;
  let gap = 0;
  return {
    get due() {
      return last + gap;
    },
    started() {
      const at = now();
      gap = Math.min(intervalMs, at - last >= intervalMs * 2 ? firstGapMs : gap * 2);
      last = at;
    },
  };
}

export function createBackoff({ baseMs, maxMs, random = Math.random }: BackoffOptions): Backoff {
  let failures = 0;
  return {
    next(retryAfterMs = 0) {
      const ceiling = Math.min(maxMs, baseMs * 2 ** failures);
      failures += 1;
      return Math.max(random() * ceiling, Math.min(retryAfterMs, longestRetryAfterMs));
    },
    reset() {
      failures = 0;
    },
  };
}

const firstGapMs = 2;

/** A longer `Retry-After` would cost the log: it must be delivered within `log-flush-timeout`. */
const longestRetryAfterMs = 5 * 60 * 1000;
