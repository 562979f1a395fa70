/** Exponential back-off with full jitter. */
export interface Backoff {
  /** Counts a failure and returns the milliseconds to wait. A server's `Retry-After` is honoured up to 5 minutes. */
  next(retryAfterMs?: number): number;
  reset(): void;
}

export interface BackoffOptions {
  /** Longest wait after the first failure; doubled with each further failure. */
  readonly baseMs: number;
  readonly maxMs: number;
  readonly random?: () => number;
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

/** A longer `Retry-After` would cost the log: it must be delivered within `log-flush-timeout`. */
const longestRetryAfterMs = 5 * 60 * 1000;
