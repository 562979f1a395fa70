/** How long to wait before the next attempt: exponential, with full jitter. */
export interface Backoff {
  /** Counts a failure. A server's `Retry-After` is honoured, within reason. */
  next(retryAfterMs?: number): number;
  reset(): void;
}

export interface BackoffOptions {
  /** The longest wait after the first failure; doubled with each. */
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

/** `Retry-After`: seconds, or a date. */
export function toRetryAfterMs(header: string | null, now = Date.now()): number | undefined {
  const text = header?.trim() ?? "";
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** Who asks for more must not make us give up the log. */
const longestRetryAfterMs = 5 * 60 * 1000;
