import { onAbort } from "signalman";
import type { Failure, Reply } from "./client.ts";
import type { Attempts } from "./settings.ts";

export interface RetryOptions {
  readonly attempts: Attempts;
  /** Milliseconds up to which the interval doubles with each attempt. Left out: it stays the same. */
  readonly longestIntervalMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Whether another attempt may succeed. Default: always true. */
  canRecover?(failure: Failure): boolean;
  /** Called before each further attempt; `attempt` is the one that failed, from 1. */
  onRetry?(failure: Failure, attempt: number): void;
}

/** Repeats a call until it succeeds. Waits for the interval, or for `Retry-After` when that is longer. */
export async function retry<T>(call: () => Promise<Reply<T>>, options: RetryOptions): Promise<Reply<T>> {
  const { attempts, longestIntervalMs = attempts.intervalMs, signal, canRecover = () => true } = options;
  let intervalMs = attempts.intervalMs;
  for (let attempt = 1; ; attempt += 1) {
    const reply = await call();
    if (reply.ok || signal?.aborted || attempt >= attempts.count || !canRecover(reply.failure)) return reply;
    options.onRetry?.(reply.failure, attempt);
    await sleep(Math.max(intervalMs, reply.failure.retryAfterMs), signal);
    intervalMs = Math.min(intervalMs * 2, longestIntervalMs);
    if (signal?.aborted) return reply;
  }
}

/** Resolves after the duration or when `signal` aborts. */
export async function sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, durationMs);
  using _listener = onAbort(signal, resolve);
  await promise;
  clearTimeout(timer);
}
