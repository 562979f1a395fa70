/**
 * Waits for `work` at most `durationMs`, then rejects with the error that `late` creates. The work itself
 * continues; its late result is ignored, and a late rejection is still handled.
 */
export async function withDeadline<T>(work: Promise<T>, durationMs: number, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), durationMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    work.catch(() => {});
  }
}

/** Waits for `work` at most `durationMs`. Resolves to whether it is done. */
export async function waitAtMost(work: Promise<unknown>, durationMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, durationMs, false);
  try {
    return await Promise.race([work.then(() => true), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Formats a duration for a message: `10 s`, `250 ms`. */
export function toDuration(durationMs: number): string {
  return durationMs >= 1000 ? `${durationMs / 1000} s` : `${durationMs} ms`;
}
